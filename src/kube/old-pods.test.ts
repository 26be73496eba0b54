/** Objects as controllers of v1.34 write them, shortened to what tells pods of one version from those of another. */
import { expect, test } from 'vitest';
import type { JsonObject } from '../lib/json.ts';
import { findTroubles } from './find-troubles.ts';
import { oldPods, rivalReplicaSets } from './old-pods.ts';
import type { KubeObject } from './types.ts';

const workload = (
  kind: string,
  name: string,
  status: JsonObject,
  annotations: Record<string, string> = {},
): KubeObject => ({
  ...{ apiVersion: 'apps/v1', kind, status: { observedGeneration: 2, ...status } },
  metadata: { name, uid: `uid-${name}`, generation: 2, annotations },
});
const pod = (
  name: string,
  owner: { kind: string; name: string },
  labels: Record<string, string>,
): KubeObject => ({
  ...{ apiVersion: 'v1', kind: 'Pod', status: { phase: 'Failed' } },
  metadata: {
    ...{ name, uid: `uid-${name}`, labels },
    ownerReferences: [{ ...owner, uid: `uid-${owner.name}`, controller: true }],
  },
});

const set = workload('StatefulSet', 'db', { updateRevision: 'db-2' });
const ofSet = (name: string, revision: string) =>
  pod(name, { kind: 'StatefulSet', name: 'db' }, { 'controller-revision-hash': revision });

const daemons = workload('DaemonSet', 'agent', {}, { 'deprecated.daemonset.template.generation': '2' });
const ofDaemons = (name: string, generation: string) =>
  pod(name, { kind: 'DaemonSet', name: 'agent' }, { 'pod-template-generation': generation });

const ofReplicaSet = (hash: string, name = 'web') =>
  pod(`${name}-${hash}-x`, { kind: 'ReplicaSet', name: `${name}-${hash}` }, { 'pod-template-hash': hash });
const replicaSet = (hash: string, revision: number): KubeObject =>
  workload('ReplicaSet', `web-${hash}`, {}, { 'deployment.kubernetes.io/revision': String(revision) });
const going = (object: KubeObject): KubeObject => ({
  ...object,
  metadata: { ...object.metadata, deletionTimestamp: '2026-11-30T10:00:00Z' },
});

type Case = [name: string, objects: KubeObject[], old: string[]];
const cases: Case[] = [
  ['of a StatefulSet', [set, ofSet('db-0', 'db-1'), ofSet('db-1', 'db-2')], ['db-0']],
  [
    'of none whose controller did not see the last change',
    [{ ...set, metadata: { ...set.metadata, generation: 3 } }, ofSet('db-0', 'db-1')],
    [],
  ],
  ['of a DaemonSet', [daemons, ofDaemons('agent-a', '1'), ofDaemons('agent-b', '2')], ['agent-a']],
  [
    'of a Deployment',
    [replicaSet('11', 1), replicaSet('22', 2), ofReplicaSet('11'), ofReplicaSet('22')],
    ['web-11-x'],
  ],
  [
    'of a Deployment that was rolled back',
    [replicaSet('11', 10), replicaSet('22', 9), ofReplicaSet('11'), ofReplicaSet('22')],
    ['web-22-x'],
  ],
  [
    'of a Deployment, perhaps, without all its ReplicaSets',
    [replicaSet('11', 1), ofReplicaSet('11'), ofReplicaSet('22')],
    ['web-11-x', 'web-22-x'],
  ],
  ['of no Deployment with pods of one ReplicaSet', [ofReplicaSet('11'), going(ofReplicaSet('22'))], []],
  ['of no other Deployment', [ofReplicaSet('11', 'web-11'), ofReplicaSet('22')], []],
  ['of nothing that is not seen', [ofReplicaSet('11'), ofSet('db-0', 'db-1')], []],
];

test.each(cases)('old pods are known, %s', (_name, objects, old) => {
  expect(oldPods(objects).map(({ metadata }) => metadata.name)).toEqual(old);
});

test('the trouble of an old pod is none of what replaces it', () => {
  const troubles = findTroubles([set, ofSet('db-0', 'db-1'), ofSet('db-1', 'db-2')]);
  expect(troubles.map(({ object }) => object)).toEqual(['Pod db-1']);
});

test('only ReplicaSets of one Deployment that have pods beside each other have to be known', () => {
  const pods = [
    ofReplicaSet('11'),
    ofReplicaSet('22'),
    going(ofReplicaSet('33')),
    ofReplicaSet('44', 'other'),
  ];
  expect(rivalReplicaSets(pods).map(({ name }) => name)).toEqual(['web-11', 'web-22']);
});
