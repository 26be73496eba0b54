import { expect, it } from 'vitest';
import type { KubeObject } from '../../kube/types.ts';
import { annotationKeys, labelKeys } from '../../lib/labels.ts';
import { toApplied } from './live-objects.ts';

const object = (manager: string, annotations: Record<string, string> = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: {
    ...{ name: 'a', namespace: 'n', uid: 'u', annotations },
    labels: { [labelKeys.resource]: 'server' },
    managedFields: [{ manager, operation: 'Apply', apiVersion: 'v1' }],
  },
});
const released = { [annotationKeys.release]: 'digest' };

it.each([
  ['what Chandler applied', object('chandler')],
  ['what helm applied of a release of ours', object('helm', released)],
])('%s can be adopted', (_, live) => {
  expect(toApplied(live)).toMatchObject({ name: 'a', resourceId: 'server' });
});

it.each([
  ['what somebody else applied', object('kubectl')],
  ['what helm applied for somebody else', object('helm')],
  ['a hook', object('helm', { ...released, 'helm.sh/hook': 'pre-delete' })],
])('%s cannot', (_, live) => {
  expect(toApplied(live)).toBeUndefined();
});
