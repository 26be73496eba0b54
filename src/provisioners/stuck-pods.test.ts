import { describe, expect, it } from 'vitest';
import type { KubeObject } from '../kube/types.ts';
import { stuckPods } from './stuck-pods.ts';

const set = (status: object, generation = 2): KubeObject => ({
  apiVersion: 'apps/v1',
  kind: 'StatefulSet',
  metadata: { name: 'db', uid: 'set', generation },
  status,
});
const seen = set({ observedGeneration: 2, updateRevision: 'wanted' });

const pod = (revision: string, status: object, metadata: object = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name: 'db-0',
    labels: { 'controller-revision-hash': revision },
    ownerReferences: [{ kind: 'StatefulSet', uid: 'set', controller: true }],
    ...metadata,
  },
  status,
});
const ready = { conditions: [{ type: 'Ready', status: 'True' }] };
const starting = { conditions: [{ type: 'Ready', status: 'False' }] };
const troubled = {
  containerStatuses: [{ name: 'db', state: { waiting: { reason: 'ImagePullBackOff' } } }],
};

describe('a pod of another revision than the newest one', () => {
  it('is stuck when it is in trouble, whatever is being done', () => {
    const failed = pod('failed', troubled);
    expect(stuckPods([seen, failed], { restoring: false })).toEqual([failed]);
    expect(stuckPods([seen, failed], { restoring: true })).toEqual([failed]);
  });

  it('is stuck when it is merely not ready only where the version before is brought back', () => {
    const failed = pod('failed', starting);
    expect(stuckPods([seen, failed], { restoring: false })).toEqual([]);
    expect(stuckPods([seen, failed], { restoring: true })).toEqual([failed]);
  });

  it.each([
    ['it is ready: its controller replaces it', [seen, pod('failed', ready)]],
    ['it goes already', [seen, pod('failed', troubled, { deletionTimestamp: 'now' })]],
    [
      'the last change was not seen yet by its controller',
      [set({ observedGeneration: 1, updateRevision: 'wanted' }), pod('failed', troubled)],
    ],
    [
      'another object owns it',
      [seen, pod('failed', troubled, { ownerReferences: [{ uid: 'other', controller: true }] })],
    ],
  ])('is not when %s', (_, observed) => {
    expect(stuckPods(observed, { restoring: true })).toEqual([]);
  });
});

it('a pod of the newest revision is never stuck', () => {
  expect(stuckPods([seen, pod('wanted', troubled)], { restoring: true })).toEqual([]);
});
