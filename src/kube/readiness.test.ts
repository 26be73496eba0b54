import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../lib/json.ts';
import { type Readiness, readiness } from './readiness.ts';
import type { KubeObject } from './types.ts';

function object(apiVersion: string, kind: string, spec: JsonObject, status?: JsonObject): KubeObject {
  return {
    apiVersion,
    kind,
    metadata: { name: 'x', namespace: 'team', generation: 2 },
    spec,
    ...(status === undefined ? {} : { status }),
  };
}

const deployment = (status?: JsonObject, spec: JsonObject = { replicas: 2 }) =>
  object('apps/v1', 'Deployment', spec, status);
const replicaSet = (status?: JsonObject) => object('apps/v1', 'ReplicaSet', { replicas: 2 }, status);
const statefulSet = (status?: JsonObject, spec: JsonObject = {}) =>
  object('apps/v1', 'StatefulSet', { replicas: 2, ...spec }, status);
const daemonSet = (status?: JsonObject) => object('apps/v1', 'DaemonSet', {}, status);
const job = (type?: string) =>
  object(
    'batch/v1',
    'Job',
    {},
    type === undefined ? {} : { conditions: [{ type, status: 'True', message: 'why' }] },
  );
const pod = (status: JsonObject) => object('v1', 'Pod', {}, status);
const claim = (phase?: string) =>
  object('v1', 'PersistentVolumeClaim', {}, phase === undefined ? {} : { phase });
const service = (spec: JsonObject, status: JsonObject = {}) => object('v1', 'Service', spec, status);
const definition = (...conditions: JsonObject[]) =>
  object('apiextensions.k8s.io/v1', 'CustomResourceDefinition', {}, { conditions });
const custom = (...conditions: JsonObject[]) => object('example.com/v1', 'Widget', {}, { conditions });

const seen = { observedGeneration: 2 };
const allTwo = { replicas: 2, updatedReplicas: 2, readyReplicas: 2, availableReplicas: 2 };
const available = { type: 'Available', status: 'True' };
const sameRevision = { currentRevision: 'a', updateRevision: 'a' };
const rolling = (partition: number) => ({
  updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition } },
});
const allThree = {
  desiredNumberScheduled: 3,
  currentNumberScheduled: 3,
  updatedNumberScheduled: 3,
  numberAvailable: 3,
  numberReady: 3,
};

const table: [string, KubeObject, Readiness['status'], RegExp?][] = [
  ['Deployment nobody looked at', deployment(), 'in-progress', /has not looked/],
  [
    'Deployment of an older generation',
    deployment({ ...allTwo, observedGeneration: 1 }),
    'in-progress',
    /last change/,
  ],
  [
    'Deployment half updated',
    deployment({ ...seen, ...allTwo, updatedReplicas: 1 }),
    'in-progress',
    /1 of 2.*updated/,
  ],
  [
    'Deployment with an old pod left',
    deployment({ ...seen, ...allTwo, replicas: 3 }),
    'in-progress',
    /1 old/,
  ],
  [
    'Deployment half available',
    deployment({ ...seen, ...allTwo, availableReplicas: 1 }),
    'in-progress',
    /available/,
  ],
  [
    'Deployment half ready',
    deployment({ ...seen, ...allTwo, readyReplicas: 1 }),
    'in-progress',
    /1 of 2.*ready/,
  ],
  [
    'Deployment not available',
    deployment({
      ...seen,
      ...allTwo,
      conditions: [{ type: 'Available', status: 'False', message: 'too few' }],
    }),
    'in-progress',
    /too few/,
  ],
  [
    'Deployment whose pods are refused',
    deployment({
      ...seen,
      conditions: [{ type: 'ReplicaFailure', status: 'True', message: 'violates PodSecurity' }],
    }),
    'in-progress',
    /violates PodSecurity/,
  ],
  [
    'Deployment over its deadline, which may come up yet',
    deployment({
      ...seen,
      conditions: [
        { type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded', message: 'late' },
      ],
    }),
    'in-progress',
    /0 of 2 pods are updated/,
  ],
  ['Deployment up', deployment({ ...seen, ...allTwo, conditions: [available] }), 'current'],
  ['Deployment of one by default', deployment({ ...seen }, {}), 'in-progress', /0 of 1/],
  ['Deployment scaled to nothing', deployment({ ...seen }, { replicas: 0 }), 'current'],

  ['ReplicaSet nobody looked at', replicaSet(), 'in-progress'],
  [
    'ReplicaSet with a pod too many',
    replicaSet({ ...seen, ...allTwo, replicas: 3 }),
    'in-progress',
    /too many/,
  ],
  ['ReplicaSet half ready', replicaSet({ ...seen, ...allTwo, readyReplicas: 1 }), 'in-progress'],
  ['ReplicaSet half available', replicaSet({ ...seen, ...allTwo, availableReplicas: 1 }), 'in-progress'],
  [
    'ReplicaSet refused',
    replicaSet({ ...seen, ...allTwo, conditions: [{ type: 'ReplicaFailure', status: 'True' }] }),
    'in-progress',
  ],
  ['ReplicaSet up', replicaSet({ ...seen, ...allTwo }), 'current'],

  ['StatefulSet nobody looked at', statefulSet(), 'in-progress', /has not looked/],
  [
    'StatefulSet half ready',
    statefulSet({ ...seen, ...allTwo, readyReplicas: 1 }),
    'in-progress',
    /1 of 2.*ready/,
  ],
  [
    'StatefulSet with a pod too many',
    statefulSet({ ...seen, ...allTwo, replicas: 3 }),
    'in-progress',
    /too many/,
  ],
  [
    'StatefulSet half updated',
    statefulSet({ ...seen, ...allTwo, updatedReplicas: 1 }),
    'in-progress',
    /1 of 2.*updated/,
  ],
  [
    'StatefulSet between two revisions',
    statefulSet({ ...seen, ...allTwo, currentRevision: 'a', updateRevision: 'b' }),
    'in-progress',
    /not finished/,
  ],
  [
    'StatefulSet updated down to its partition',
    statefulSet(
      { ...seen, ...allTwo, updatedReplicas: 1, currentRevision: 'a', updateRevision: 'b' },
      rolling(1),
    ),
    'current',
  ],
  [
    'StatefulSet not yet updated down to its partition',
    statefulSet({ ...seen, ...allTwo, updatedReplicas: 0 }, rolling(1)),
    'in-progress',
    /0 of 1/,
  ],
  [
    'StatefulSet that nobody updates',
    statefulSet({ ...seen, ...allTwo, updatedReplicas: 0 }, { updateStrategy: { type: 'OnDelete' } }),
    'current',
  ],
  ['StatefulSet up', statefulSet({ ...seen, ...allTwo, ...sameRevision }), 'current'],

  ['DaemonSet nobody looked at', daemonSet(), 'in-progress'],
  ['DaemonSet not scheduled', daemonSet({ ...seen }), 'in-progress', /scheduled/],
  [
    'DaemonSet partly scheduled',
    daemonSet({ ...seen, ...allThree, currentNumberScheduled: 2 }),
    'in-progress',
    /scheduled/,
  ],
  [
    'DaemonSet partly updated',
    daemonSet({ ...seen, ...allThree, updatedNumberScheduled: 2 }),
    'in-progress',
    /updated/,
  ],
  [
    'DaemonSet partly available',
    daemonSet({ ...seen, ...allThree, numberAvailable: 2 }),
    'in-progress',
    /available/,
  ],
  ['DaemonSet partly ready', daemonSet({ ...seen, ...allThree, numberReady: 2 }), 'in-progress', /ready/],
  ['DaemonSet up', daemonSet({ ...seen, ...allThree }), 'current'],

  ['Job at work', job(), 'in-progress'],
  ['Job suspended', job('Suspended'), 'in-progress', /suspended/],
  ['Job complete', job('Complete'), 'current'],
  ['Job failed', job('Failed'), 'failed', /why/],

  ['Pod pending', pod({ phase: 'Pending' }), 'in-progress'],
  [
    'Pod running, not ready',
    pod({ phase: 'Running', conditions: [{ type: 'Ready', status: 'False' }] }),
    'in-progress',
  ],
  ['Pod ready', pod({ phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] }), 'current'],
  ['Pod complete', pod({ phase: 'Succeeded' }), 'current'],
  ['Pod evicted', pod({ phase: 'Failed', reason: 'Evicted' }), 'failed', /Evicted/],

  ['claim pending', claim('Pending'), 'in-progress'],
  ['claim bound', claim('Bound'), 'current'],
  ['claim lost', claim('Lost'), 'failed'],

  ['Service in the cluster', service({ type: 'ClusterIP' }), 'current'],
  ['Service without its load balancer', service({ type: 'LoadBalancer' }), 'in-progress'],
  [
    'Service with its load balancer',
    service({ type: 'LoadBalancer' }, { loadBalancer: { ingress: [{ ip: '192.0.2.1' }] } }),
    'current',
  ],

  ['Namespace active', object('v1', 'Namespace', {}, { phase: 'Active' }), 'current'],
  ['Namespace going', object('v1', 'Namespace', {}, { phase: 'Terminating' }), 'terminating'],

  [
    'CRD being installed',
    definition({ type: 'Established', status: 'False', reason: 'Installing' }),
    'in-progress',
  ],
  ['CRD nobody looked at', definition(), 'in-progress'],
  [
    'CRD whose names are taken',
    definition({ type: 'NamesAccepted', status: 'False', message: 'taken' }),
    'failed',
    /taken/,
  ],
  ['CRD refused', definition({ type: 'Established', status: 'False', reason: 'Other' }), 'failed'],
  ['CRD established', definition({ type: 'Established', status: 'True' }), 'current'],

  [
    'custom resource stalled',
    custom({ type: 'Stalled', status: 'True', message: 'no disk' }),
    'failed',
    /no disk/,
  ],
  ['custom resource reconciling', custom({ type: 'Reconciling', status: 'True' }), 'in-progress'],
  [
    'custom resource not ready',
    custom({ type: 'Ready', status: 'False', message: 'soon' }),
    'in-progress',
    /soon/,
  ],
  ['custom resource unknown', custom({ type: 'Ready', status: 'Unknown' }), 'in-progress'],
  ['custom resource ready', custom({ type: 'Ready', status: 'True' }), 'current'],
  [
    'custom resource of an older generation',
    object('example.com/v1', 'Widget', {}, { observedGeneration: 1 }),
    'in-progress',
  ],
  ['custom resource that says nothing', custom(), 'current'],
  [
    'Deployment of another group is judged by its conditions',
    object('example.com/v1', 'Deployment', {}),
    'current',
  ],
  ['Secret', { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'x' } }, 'current'],
];

describe('readiness', () => {
  test.each(table)('%s', (_name, subject, status, message = /./) => {
    expect(readiness(subject)).toMatchObject({ status, message: expect.stringMatching(message) });
  });

  test('whatever is being deleted is terminating', () => {
    const ready = statefulSet({ ...seen, ...allTwo, ...sameRevision });
    const going = { ...ready, metadata: { ...ready.metadata, deletionTimestamp: '2026-11-23T00:00:00Z' } };
    expect(readiness(going).status).toBe('terminating');
  });

  test('only a claim that waits for its first consumer lets others start before it is current', () => {
    const letting = table
      .filter(([, subject]) => readiness(subject).dependentsMayStart)
      .map(([name]) => name);
    expect(letting).toEqual(['claim pending']);
  });
});
