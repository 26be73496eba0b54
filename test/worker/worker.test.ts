import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { ChandlerError } from '../../src/domain/errors.ts';
import type { Operation } from '../../src/domain/operation.ts';
import type { Store, StoreTransaction } from '../../src/store/types.ts';
import { startWorkerHarness, type WorkerHarness } from '../support/worker-harness.ts';

let harness: WorkerHarness;
beforeAll(async () => {
  harness = await startWorkerHarness();
});
afterAll(() => harness?.close());
afterEach(() => harness.stopAll());

const claimsOf = (operation: Operation) => harness.eventsOf('operationClaimed', operation).length;

describe('a worker that is stopped', () => {
  test('waits for the tick under way and claims no more', async () => {
    const worker = harness.startWorker();
    const held = harness.cluster.holdNext(({ verb }) => verb === 'apply');
    const { operation } = await harness.provision();
    await held.reached;
    let stopped = false;
    const stopping = worker.stop(10_000).then(() => {
      stopped = true;
    });
    const later = await harness.provision();
    await sleep(50);
    expect(stopped).toBe(false);
    held.resume();
    await stopping;
    // The tick has ended: its step is written down and the operation is free for the next worker.
    expect(await harness.store.findOperation(operation.uid)).toMatchObject({
      description: expect.stringContaining('applied namespace'),
    });
    expect(await harness.query('select uid from operations where lease_owner is not null')).toEqual([]);
    expect(claimsOf(operation)).toBe(1);
    expect(claimsOf(later.operation)).toBe(0);
  });

  test('does not begin a tick with a claim that was on its way', async () => {
    const { operationQueue } = harness.store;
    const asked = Promise.withResolvers<void>();
    const answer = Promise.withResolvers<void>();
    const slow: Store = {
      ...harness.store,
      operationQueue: {
        ...operationQueue,
        claim: async (...given) => {
          const claim = await operationQueue.claim(...given);
          asked.resolve();
          await answer.promise;
          return claim;
        },
      },
    };
    const { operation } = await harness.provision();
    const worker = harness.startWorker({ store: slow });
    await asked.promise;
    const before = harness.cluster.requests.length;
    const stopping = worker.stop(5_000);
    answer.resolve();
    await stopping;
    await sleep(50);
    expect(harness.cluster.requests).toHaveLength(before);
    expect(await harness.query('select uid from operations where lease_owner is not null')).toEqual([]);
    expect((await harness.store.findOperation(operation.uid))?.state).toBe('in progress');
  });

  test('leaves a tick that does not end behind when the grace is over', async () => {
    const worker = harness.startWorker();
    const held = harness.cluster.holdNext(({ verb }) => verb === 'create');
    await harness.provision();
    await held.reached;
    const started = performance.now();
    await worker.stop(100);
    expect(performance.now() - started).toBeLessThan(5_000);
    held.resume();
  });
});

describe('a worker whose lease runs out in the middle of a tick', () => {
  test('lets another one end the operation, with the same objects, and writes nothing more itself', async () => {
    harness.startWatcher();
    const { operationQueue } = harness.store;
    // Its renewals never arrive.
    const cutOff: Store = {
      ...harness.store,
      operationQueue: { ...operationQueue, renew: () => new Promise<boolean>(() => {}) },
    };
    const { instance, operation } = await harness.provision();
    const held = harness.cluster.holdNext(
      ({ verb, kind, name }) => verb === 'apply' && kind === 'Namespace' && name === instance.namespace,
    );
    harness.startWorker({
      store: cutOff,
      settings: { owner: 'late', concurrency: 1, leaseSeconds: 1 },
    });
    await held.reached;
    const [namespace] = harness.objectsOf(instance);
    harness.startWorker();
    expect(await harness.untilFinished(operation)).toMatchObject({ state: 'succeeded' });
    const finished = harness.objectsOf(instance);
    expect(finished[0]?.metadata.uid).toBe(namespace?.metadata.uid);
    held.resume();
    await expect.poll(() => harness.eventsOf('leaseLost', operation).length).toBe(1);
    expect(harness.objectsOf(instance)).toEqual(finished);
    expect(await harness.store.findOperation(operation.uid)).toMatchObject({ state: 'succeeded' });
  });
});

describe('Postgres that goes away for a moment', () => {
  type Write = 'planInventory' | 'recordApplied' | 'finishOperation' | 'setBindingCredentials';
  const writes: Write[] = ['planInventory', 'recordApplied', 'finishOperation', 'setBindingCredentials'];

  /** Once, the transaction with this write is answered by an error: before anything of it, or after its commit. */
  function failingStore(store: Store, failing: Write, when: 'before' | 'after'): Store {
    let armed = true;
    const fail = () => {
      armed = false;
      throw new ChandlerError('StoreUnavailable');
    };
    return {
      ...store,
      async transact(work) {
        let wrote = false;
        const result = await store.transact((transaction: StoreTransaction) => {
          const write = transaction[failing] as (...given: unknown[]) => Promise<void>;
          const followed = async (...given: unknown[]) => {
            if (armed && when === 'before') fail();
            wrote = true;
            return write(...given);
          };
          return work({ ...transaction, [failing]: followed });
        });
        if (armed && wrote) fail();
        return result;
      },
    };
  }

  test.each(writes.flatMap((write) => (['before', 'after'] as const).map((when) => [when, write] as const)))(
    '%s %s does not change what comes of it',
    async (when, write) => {
      harness.startWatcher();
      harness.startWorker({ store: failingStore(harness.store, write, when) });
      const { instance, operation } = await harness.provision();
      expect(await harness.untilFinished(operation)).toMatchObject({ state: 'succeeded' });
      const { binding, operation: binds } = await harness.bind(instance);
      expect(await harness.untilFinished(binds)).toMatchObject({ state: 'succeeded' });
      expect((await harness.binding(binding)).state).toBe('bound');

      const inventory = await harness.inventoryOf(instance);
      const objects = harness
        .objectsOf(instance)
        .filter(({ metadata }) => metadata.name !== binding.externalName);
      expect(inventory.map(({ objectUid }) => objectUid).toSorted()).toEqual(
        objects.map(({ metadata }) => metadata.uid).toSorted(),
      );
      const faults = ['operationRetried', 'leaseLost'] as const;
      expect(
        faults.flatMap((name) => [operation, binds].flatMap((each) => harness.eventsOf(name, each))),
      ).not.toEqual([]);
    },
  );
});
