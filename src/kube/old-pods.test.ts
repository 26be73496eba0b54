/** Objects as controllers of v1.34 write them, shortened to what tells pods of one version from those of another. */
import { expect, test } from 'vitest';
import type { JsonObject } from '../lib/json.ts';
import { findTroubles } from './find-troubles.ts';
import { oldPods } from './old-pods.ts';
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

const deployment = (message: string, status: JsonObject = {}) =>
  workload('Deployment', 'web', {
    ...{ conditions: [{ type: 'Progressing', status: 'True', message }], ...status },
  });
const ofReplicaSet = (hash: string, name = 'web') =>
  pod(`${name}-${hash}-x`, { kind: 'ReplicaSet', name: `${name}-${hash}` }, { 'pod-template-hash': hash });
const rolling = deployment('ReplicaSet "web-22" is progressing.');
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
  ['of a Deployment', [rolling, ofReplicaSet('11'), ofReplicaSet('22')], ['web-11-x']],
  ...[
    'Created new replica set "web-22"',
    'Found new replica set "web-22"',
    'ReplicaSet "web-22" has timed out progressing.',
    'ReplicaSet "web-22" has successfully progressed.',
  ].map(
    (message): Case => [
      `of a Deployment that says: ${message}`,
      [deployment(message), ofReplicaSet('11'), ofReplicaSet('22')],
      ['web-11-x'],
    ],
  ),
  ['of no other Deployment', [rolling, ofReplicaSet('11', 'web-11'), ofReplicaSet('22')], []],
  [
    'of no Deployment that has no newer pod: its message is old after a rollback',
    [rolling, ofReplicaSet('11'), going(ofReplicaSet('22'))],
    [],
  ],
  ['of no Deployment that says nothing', [deployment(''), ofReplicaSet('11'), ofReplicaSet('22')], []],
  [
    'of no Deployment whose controller did not see the last change',
    [
      deployment('ReplicaSet "web-22" is progressing.', { observedGeneration: 1 }),
      ofReplicaSet('11'),
      ofReplicaSet('22'),
    ],
    [],
  ],
  ['of nothing that is not seen', [ofReplicaSet('11'), ofSet('db-0', 'db-1')], []],
];

test.each(cases)('old pods are known, %s', (_name, objects, old) => {
  expect(oldPods(objects).map(({ metadata }) => metadata.name)).toEqual(old);
});

test('the trouble of an old pod is none of what replaces it', () => {
  const troubles = findTroubles([set, ofSet('db-0', 'db-1'), ofSet('db-1', 'db-2')]);
  expect(troubles.map(({ object }) => object)).toEqual(['Pod db-1']);
});
