import { afterEach, describe, expect, test } from 'vitest';
import { clusterContract } from './cluster-contract.ts';
import { FakeCluster, type FakeClusterOptions } from './fake-cluster.ts';
import { readiness } from './readiness.ts';
import { KubeError, type KubeObject } from './types.ts';

const open: FakeCluster[] = [];
function fake(options: FakeClusterOptions = {}): FakeCluster {
  const cluster = new FakeCluster(options);
  open.push(cluster);
  return cluster;
}
afterEach(async () => {
  for (const cluster of open.splice(0)) await cluster.close();
});

describe('the fake cluster keeps the contract of a cluster:', () => {
  test.each(clusterContract)('$name', async ({ run }) => {
    const cluster = fake({ namespaceDeletionMs: 100 });
    cluster.addNamespace('contract');
    await run({ cluster, namespace: 'contract', otherNamespace: 'contract-other' });
  });
});

const statefulSet: KubeObject = {
  apiVersion: 'apps/v1',
  kind: 'StatefulSet',
  metadata: { name: 'db', namespace: 'default' },
  spec: { replicas: 2 },
};
const reference = { apiVersion: 'apps/v1', kind: 'StatefulSet', namespace: 'default', name: 'db' };

describe('the fake cluster helps tests:', () => {
  test('workloads and claims become ready by themselves when it was asked for, after each change anew', async () => {
    const cluster = fake({ autoReadyMs: 20 });
    const claim = { apiVersion: 'v1', kind: 'PersistentVolumeClaim' };
    const made = [
      await cluster.create(statefulSet),
      await cluster.create({ ...claim, metadata: { name: 'data', namespace: 'default' }, spec: {} }),
    ];
    expect(made.map((object) => readiness(object).status)).toEqual(['in-progress', 'in-progress']);
    const ready = async () => (await cluster.list(statefulSet)).map((object) => readiness(object).status);
    await expect.poll(ready).toEqual(['current']);
    await cluster.apply({ ...statefulSet, spec: { replicas: 3 } });
    expect(await ready()).toEqual(['in-progress']);
    await expect.poll(ready).toEqual(['current']);
    expect((await cluster.list(claim)).map((object) => readiness(object).status)).toEqual(['current']);
  });

  test('a selector term that it does not know is refused, and never taken for one that fits nothing', async () => {
    for (const labelSelector of ['colour in (red,blue)', 'colour notin (red)', 'colour>1'])
      await expect(fake().list(statefulSet, { labelSelector })).rejects.toThrow(/fake cluster/);
  });

  test('nothing becomes ready by itself otherwise; a test writes the status', async () => {
    const cluster = fake();
    const { metadata } = await cluster.create({ ...statefulSet, status: { readyReplicas: 2 } });
    expect((await cluster.get(reference))?.status).toBeUndefined();
    cluster.setStatus(reference, { readyReplicas: 1 });
    const now = await cluster.get(reference);
    expect(now?.status).toEqual({ readyReplicas: 1 });
    expect(now?.metadata.generation).toBe(1);
    expect(now?.metadata.resourceVersion).not.toBe(metadata.resourceVersion);
  });

  test('a planned failure comes once, before any effect, and the log shows every request', async () => {
    const cluster = fake();
    const planned = new KubeError(503, '', 'overloaded');
    cluster.failNext(({ verb, reference: { kind } }) => verb === 'create' && kind === 'StatefulSet', planned);
    await expect(cluster.create(statefulSet)).rejects.toBe(planned);
    expect(await cluster.get(reference)).toBeUndefined();
    await cluster.create(statefulSet);
    expect(cluster.requests.map(({ verb }) => verb)).toEqual(['create', 'get', 'create']);
    expect(cluster.requests[0]?.reference).toEqual(reference);
  });

  test('a broken watch is reported and misses nothing that happened meanwhile', async () => {
    const cluster = fake();
    const log: string[] = [];
    cluster.watch(
      statefulSet,
      { labelSelector: '', metadataOnly: false },
      {
        onSync: (objects) => void log.push(`sync ${objects.length}`),
        onChange: ({ type }) => void log.push(type),
        onBreak: () => void log.push('break'),
      },
    );
    await expect.poll(() => log).toEqual(['sync 0']);
    cluster.breakWatches();
    await cluster.create(statefulSet);
    await expect.poll(() => log).toEqual(['sync 0', 'break', 'ADDED']);
  });

  test('a kind that a test adds is served', async () => {
    const cluster = fake();
    const kind = { apiVersion: 'postgresql.cnpg.io/v1', kind: 'Cluster' };
    cluster.addKind(kind, { namespaced: true });
    const made = await cluster.create({ ...kind, metadata: { name: 'pg', namespace: 'default' } });
    expect(made.metadata.uid).toBeTruthy();
  });
});
