import { describe, expect, it } from 'vitest';
import type { KubeObject } from '../kube/types.ts';
import { labelKeys } from '../lib/labels.ts';
import { labelObject } from './label-object.ts';
import type { InstanceTarget } from './types.ts';

const target = {
  identity: { installationId: 'installation', instanceUid: 'instance' },
  annotations: { 'chandler.dev/instance-id': 'any/../text' },
} as unknown as InstanceTarget;

const identity = {
  [labelKeys.managedBy]: 'chandler',
  [labelKeys.installation]: 'installation',
  [labelKeys.instance]: 'instance',
  [labelKeys.resource]: 'server',
};

describe('labelObject', () => {
  it('adds identity to the object and its pods, keeps other labels, and leaves the selector alone', () => {
    const statefulSet: KubeObject = {
      apiVersion: 'apps/v1',
      kind: 'StatefulSet',
      metadata: { name: 'a', labels: { app: 'a' } },
      spec: {
        selector: { matchLabels: { app: 'a' } },
        template: { metadata: { labels: { app: 'a' } }, spec: {} },
      },
    };
    expect(labelObject(statefulSet, target, 'server')).toEqual({
      ...statefulSet,
      metadata: { name: 'a', labels: { app: 'a', ...identity }, annotations: target.annotations },
      spec: {
        selector: { matchLabels: { app: 'a' } },
        template: { metadata: { labels: { app: 'a', ...identity } }, spec: {} },
      },
    });
  });

  it('overrides a chart that claims another identity', () => {
    const service: KubeObject = {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'a', labels: { [labelKeys.instance]: 'somebody-else' } },
    };
    expect(labelObject(service, target, 'server').metadata.labels).toEqual(identity);
  });
});
