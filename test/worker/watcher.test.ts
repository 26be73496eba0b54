import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { ServiceInstance } from '../../src/domain/instance.ts';
import { present, startWorkerHarness, type WorkerHarness } from '../support/worker-harness.ts';

let harness: WorkerHarness;
beforeAll(async () => {
  // Nothing becomes ready by itself; tests write the status.
  harness = await startWorkerHarness({ cluster: { autoReadyMs: 3_600_000 }, leaseSeconds: 1.5 });
});
afterAll(() => harness?.close());
afterEach(() => harness.stopAll());

const watches = () => harness.cluster.requests.filter(({ verb }) => verb === 'watch');
const holder = async () =>
  (await harness.query(`select owner from leases where name like 'watcher:%' and expires_at > now()`)).map(
    ({ owner }) => owner,
  );
const mirrored = async (instance: ServiceInstance) =>
  (await harness.store.listObserved(instance.uid)).map(({ kind }) => kind);

async function waitingInstance() {
  const { instance, operation } = await harness.provision();
  await harness.untilDescribed(operation, 'volume is not bound');
  await expect.poll(() => mirrored(instance)).toContain('StatefulSet');
  const { namespace } = instance;
  const reference = (kind: string, apiVersion = 'v1') => ({
    ...{ apiVersion, kind, namespace, name: `${instance.externalName}-server` },
  });
  return { instance, operation, reference };
}

describe('of two watchers on one cluster', () => {
  test('one watches, and the other takes over when it stops, with what changed in between', async () => {
    const first = harness.startWatcher(harness.store, 'first');
    await expect.poll(holder).toEqual(['first']);
    harness.startWatcher(await harness.openAnother(), 'second');
    harness.startWorker();
    const { instance, operation, reference } = await waitingInstance();
    const kinds = watches().map(({ reference: { kind } }) => kind);
    expect(kinds).toHaveLength(new Set(kinds).size);
    expect(await holder()).toEqual(['first']);

    await first.stop();
    harness.cluster.vanish(reference('Service'));
    harness.cluster.setStatus(reference('PersistentVolumeClaim'), { phase: 'Bound' });
    await expect.poll(holder, { timeout: 5_000 }).toEqual(['second']);
    await expect.poll(() => mirrored(instance), { timeout: 5_000 }).not.toContain('Service');
    await harness.untilDescribed(operation, 'waiting for Service');
  });

  test('the other takes over as well when the first one dies and its lease runs out', async () => {
    const first = await harness.openAnother();
    let dead = false;
    const dying = {
      ...first,
      holdLease: (...given: Parameters<typeof first.holdLease>) =>
        dead ? new Promise<boolean>(() => {}) : first.holdLease(...given),
      operationQueue: {
        ...first.operationQueue,
        observe: (...given: Parameters<typeof first.operationQueue.observe>) =>
          dead ? new Promise<void>(() => {}) : first.operationQueue.observe(...given),
      },
    };
    // Not among those that stop at the end: a dead process does not.
    harness.startWatcher(dying, 'dies', { forgotten: true });
    await expect.poll(holder).toEqual(['dies']);
    harness.startWatcher(harness.store, 'lives');
    harness.startWorker();
    const { operation, reference } = await waitingInstance();

    dead = true;
    harness.cluster.setStatus(reference('PersistentVolumeClaim'), { phase: 'Bound' });
    await expect.poll(holder, { timeout: 6_000 }).toEqual(['lives']);
    await harness.untilDescribed(operation, 'waiting for StatefulSet');
  });
});

describe('a watcher', () => {
  test('stops at once when another one holds the lease, and nothing of it is written any more', async () => {
    harness.startWatcher(harness.store, 'deposed');
    harness.startWorker();
    const { instance, reference } = await waitingInstance();
    await harness.query(
      `update leases set owner = 'usurper', expires_at = now() + interval '1 hour' where name like 'watcher:%'`,
    );
    harness.cluster.setStatus(reference('PersistentVolumeClaim'), { phase: 'Bound' });
    const before = watches().length;
    await expect.poll(() => harness.eventsOf('watchBroke').length, { timeout: 5_000 }).toBeGreaterThan(0);
    const claim = present(
      (await harness.store.listObserved(instance.uid)).find(({ kind }) => kind === 'PersistentVolumeClaim'),
    );
    expect(claim.object.status).toEqual({ phase: 'Pending' });
    await harness.query('delete from leases');
    await expect.poll(() => watches().length, { timeout: 5_000 }).toBeGreaterThan(before);
    const phase = async () =>
      (await harness.store.listObserved(instance.uid)).find(({ kind }) => kind === 'PersistentVolumeClaim')
        ?.object.status;
    await expect.poll(phase, { timeout: 5_000 }).toEqual({ phase: 'Bound' });
  });

  test('goes on after its connection to the API server broke, and misses nothing', async () => {
    harness.startWatcher();
    harness.startWorker();
    const { operation, reference } = await waitingInstance();
    harness.cluster.breakWatches();
    harness.cluster.setStatus(reference('PersistentVolumeClaim'), { phase: 'Bound' });
    await harness.untilDescribed(operation, 'waiting for StatefulSet');
  });
});
