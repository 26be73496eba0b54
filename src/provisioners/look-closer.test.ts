import { expect, test } from 'vitest';
import { FakeCluster } from '../kube/fake-cluster.ts';
import { KubeError, type KubeObject } from '../kube/types.ts';
import { lookCloser } from './look-closer.ts';

const namespace = 'own';

/** A cluster where something could not be made, as an Event about each of these says. */
async function clusterWithRefusals(...involved: { kind: string; name: string; uid: string }[]) {
  const cluster = new FakeCluster();
  cluster.addNamespace(namespace);
  for (const each of involved) {
    await cluster.create({
      ...{ apiVersion: 'v1', kind: 'Event', metadata: { name: `${each.name}.1`, namespace } },
      ...{ involvedObject: { apiVersion: 'apps/v1', namespace, ...each }, reason: 'FailedCreate' },
    });
  }
  return cluster;
}
const make = (cluster: FakeCluster, kind: string, name: string): Promise<KubeObject> =>
  cluster.create({ apiVersion: 'apps/v1', kind, metadata: { name, namespace }, spec: {} });
const asked = (cluster: FakeCluster) =>
  cluster.requests
    .filter(({ verb }) => verb === 'get' || verb === 'list')
    .map(({ verb, reference: { kind, name } }) => `${verb} ${kind} ${name}`.trim());
const lists = ['list Pod', 'list PersistentVolumeClaim', 'list Event'];

test('a look is three lists', async () => {
  const cluster = await clusterWithRefusals();
  expect(await lookCloser({ cluster, namespace }, [])).toEqual({
    ...{ pods: [], claims: [], events: [], makers: [] },
  });
  expect(asked(cluster)).toEqual(lists);
});

test('who may make nothing is asked for by name, and counts only if it is still there', async () => {
  const cluster = await clusterWithRefusals(
    { kind: 'ReplicaSet', name: 'gone', uid: 'gone' },
    { kind: 'ReplicaSet', name: 'anew', uid: 'one before it' },
  );
  await make(cluster, 'ReplicaSet', 'anew');
  const { uid = '' } = (await make(cluster, 'StatefulSet', 'queue')).metadata;
  await cluster.create({
    ...{ apiVersion: 'v1', kind: 'Event', metadata: { name: 'queue.1', namespace } },
    involvedObject: { apiVersion: 'apps/v1', kind: 'StatefulSet', namespace, name: 'queue', uid },
    reason: 'FailedCreate',
  });
  const look = await lookCloser({ cluster, namespace }, []);
  expect(look?.makers.map(({ metadata }) => metadata.name)).toEqual(['queue']);
});

test('ReplicaSets are asked for while a Deployment has pods of several', async () => {
  const cluster = await clusterWithRefusals();
  const pods = ['web-11', 'web-22'].map(async (name) => {
    const { uid } = (await make(cluster, 'ReplicaSet', name)).metadata;
    const ownerReferences = [{ kind: 'ReplicaSet', name, uid, controller: true }];
    const labels = { 'pod-template-hash': name.slice(-2) };
    const metadata = { name: `${name}-x`, namespace, labels, ownerReferences };
    return cluster.create({ apiVersion: 'v1', kind: 'Pod', metadata });
  });
  await Promise.all(pods);
  const look = await lookCloser({ cluster, namespace }, []);
  expect(look?.makers.map(({ metadata }) => metadata.name).sort()).toEqual(['web-11', 'web-22']);
});

test('what is watched is not asked for', async () => {
  const cluster = await clusterWithRefusals({ kind: 'StatefulSet', name: 'db', uid: 'db' });
  const watched = { apiVersion: 'apps/v1', kind: 'StatefulSet', metadata: { name: 'db', uid: 'db' } };
  expect((await lookCloser({ cluster, namespace }, [watched]))?.makers).toEqual([]);
  expect(asked(cluster)).toEqual(lists);
});

test('what Chandler may not get is left out, and what it may not list spoils the look', async () => {
  const cluster = await clusterWithRefusals({ kind: 'StatefulSet', name: 'queue', uid: 'queue' });
  const forbidden = new KubeError(403, 'Forbidden', 'chandler may not');
  cluster.failNext(({ verb }) => verb === 'get', forbidden);
  expect((await lookCloser({ cluster, namespace }, []))?.makers).toEqual([]);
  cluster.failNext(({ verb, reference }) => verb === 'list' && reference.kind === 'Event', forbidden);
  expect(await lookCloser({ cluster, namespace }, [])).toBeUndefined();
});
