import { describe, expect, test } from 'vitest';
import type { KubeObject } from '../kube/types.ts';
import { labelKeys } from '../lib/labels.ts';
import { type ResourceState, resourceName, resourceOutputs, resourceState } from './resource-state.ts';

const object = (kind: string, uid: string, status: object | undefined, resource = 'server'): KubeObject => ({
  ...{ apiVersion: kind === 'Job' ? 'batch/v1' : 'v1', kind, ...(status === undefined ? {} : { status }) },
  metadata: { name: uid, namespace: 'own', uid, labels: { [labelKeys.resource]: resource } },
});
const bound = object('PersistentVolumeClaim', 'bound', { phase: 'Bound' });
const unbound = object('PersistentVolumeClaim', 'unbound', { phase: 'Pending' });
const lost = object('PersistentVolumeClaim', 'lost', { phase: 'Lost' });
const going: KubeObject = {
  ...bound,
  metadata: { ...bound.metadata, uid: 'going', deletionTimestamp: 'now' },
};
const pod = (resource: string) =>
  object(
    'Pod',
    'pod',
    { containerStatuses: [{ name: 'db', state: { waiting: { reason: 'ImagePullBackOff' } } }] },
    resource,
  );
const rolledOut: KubeObject = {
  ...{ apiVersion: 'apps/v1', kind: 'StatefulSet', metadata: { name: 'db', uid: 'set', generation: 1 } },
  status: { observedGeneration: 1, updateRevision: 'new' },
};
const ofOldRevision = {
  labels: { [labelKeys.resource]: 'server', 'controller-revision-hash': 'old' },
  ownerReferences: [{ uid: 'set', controller: true }],
};

const items = (...uids: string[]) =>
  uids.map((uid) => ({ kind: 'PersistentVolumeClaim', name: uid, objectUid: uid }));
const unconfirmed = { kind: 'PersistentVolumeClaim', name: 'planned' };
const waiting = (name: string, why: string): ResourceState => ({
  ...{ kind: 'waiting', message: `server: waiting for PersistentVolumeClaim ${name}: ${why}` },
});

const cases: [string, Parameters<typeof resourceState>[1], KubeObject[], ResourceState][] = [
  ['all are ready', items('bound'), [bound], { kind: 'ready' }],
  [
    'one is not ready',
    items('bound', 'unbound'),
    [bound, unbound],
    waiting('unbound', 'the volume is not bound'),
  ],
  ['one was not seen yet', items('bound', 'new'), [bound], waiting('new', 'not seen yet')],
  ['one was planned only', [...items('bound'), unconfirmed], [bound], waiting('planned', 'not seen yet')],
  [
    'another object has the name, but not the uid',
    [{ kind: 'PersistentVolumeClaim', name: 'bound', objectUid: 'earlier' }],
    [bound],
    waiting('bound', 'not seen yet'),
  ],
  [
    'one was seen before its last change',
    [{ ...items('bound')[0], ...{ kind: 'PersistentVolumeClaim', name: 'bound' }, appliedGeneration: 3 }],
    [{ ...bound, metadata: { ...bound.metadata, generation: 2 } }],
    waiting('bound', 'its last change was not seen yet'),
  ],
  [
    'one was seen after its last change',
    [{ ...items('bound')[0], ...{ kind: 'PersistentVolumeClaim', name: 'bound' }, appliedGeneration: 3 }],
    [{ ...bound, metadata: { ...bound.metadata, generation: 3 } }],
    { kind: 'ready' },
  ],
  [
    'one failed',
    items('lost'),
    [lost],
    { kind: 'failed', message: 'server: the volume of the claim is lost' },
  ],
  [
    'one failed while an earlier one still waits',
    items('unbound', 'lost'),
    [unbound, lost],
    { kind: 'failed', message: 'server: the volume of the claim is lost' },
  ],
  [
    'one is being deleted',
    items('going'),
    [going],
    { kind: 'failed', message: 'server: PersistentVolumeClaim going is being deleted' },
  ],
  [
    'a pod of it has trouble',
    items('unbound'),
    [unbound, pod('server')],
    waiting('unbound', 'Pod pod: the image unknown of container db cannot be pulled (ImagePullBackOff).'),
  ],
  [
    'a pod of it has trouble that an update replaces',
    items('unbound'),
    [unbound, rolledOut, { ...pod('server'), metadata: { ...pod('server').metadata, ...ofOldRevision } }],
    waiting('unbound', 'the volume is not bound'),
  ],
  [
    'a pod of another resource has trouble',
    items('unbound'),
    [unbound, pod('other')],
    waiting('unbound', 'the volume is not bound'),
  ],
  ['a pod has trouble, yet all are ready', items('bound'), [bound, pod('server')], { kind: 'ready' }],
];

describe('resourceState', () => {
  test.each(cases)('when %s', (_when, applied, observed, state) => {
    expect(resourceState('server', applied, observed)).toEqual(state);
  });
});

describe('resourceOutputs', () => {
  const service = (name: string, labels: Record<string, string>, ports: number[] = []): KubeObject => ({
    ...{ apiVersion: 'v1', kind: 'Service', spec: { ports: ports.map((port) => ({ port })) } },
    metadata: { name, namespace: 'own', labels: { [labelKeys.resource]: 'server', ...labels } },
  });

  test('are its name and its Services, by component or by name, with the first port', () => {
    const observed = [
      service('a', { 'app.kubernetes.io/component': 'primary' }, [5432, 9187]),
      service('b', {}),
      service('c', { [labelKeys.resource]: 'other' }, [1]),
      unbound,
    ];
    expect(resourceOutputs({ name: 'i-abc' }, 'server', observed)).toEqual({
      name: resourceName({ name: 'i-abc' }, 'server'),
      services: {
        primary: { name: 'a', host: 'a.own.svc', port: 5432 },
        b: { name: 'b', host: 'b.own.svc' },
      },
    });
  });
});
