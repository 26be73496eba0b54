import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { queryDatabase } from '../../test/support/postgres.ts';
import {
  newBinding,
  newInstance,
  newOperation,
  openTestStore,
  type TestStore,
  testRevision,
} from '../../test/support/store.ts';
import type { ServiceInstance } from '../domain/instance.ts';
import type { Operation } from '../domain/operation.ts';
import { LeaseLost, type OperationClaim, type OperationQueue, type Store, UniqueConflict } from './types.ts';

let opened: TestStore;
let store: Store;
let queue: OperationQueue;

beforeAll(async () => {
  opened = await openTestStore();
  store = opened.store;
  queue = store.operationQueue;
  await store.putRevision(testRevision, new Map());
});
afterAll(() => opened?.close());
beforeEach(async () => {
  await queryDatabase(opened.url, 'truncate service_instances cascade');
});

async function enqueue(): Promise<{ instance: ServiceInstance; operation: Operation }> {
  return store.transact(async (transaction) => {
    const instance = await transaction.insertInstance(newInstance());
    return { instance, operation: await transaction.enqueueOperation(newOperation(instance)) };
  });
}

async function claim(owner = 'worker', leaseSeconds = 60): Promise<OperationClaim> {
  const claimed = await queue.claim(owner, leaseSeconds);
  if (claimed === undefined) throw new Error('nothing to claim');
  return claimed;
}

const finish = (claimed: OperationClaim) =>
  store.transact(async (transaction) => {
    await transaction.assertHeld(claimed);
    await transaction.setInstanceState(claimed.operation.instanceUid, 'ready');
    await transaction.finishOperation(claimed, { state: 'succeeded', description: 'done' });
  });
const asleep = { runAfterMs: 3_600_000, attempts: 0 };

describe('claim', () => {
  test('gives each operation to one of many workers', async () => {
    const uids = new Set<string>();
    for (let index = 0; index < 20; index += 1) uids.add((await enqueue()).operation.uid);
    const another = await opened.openAnother();
    const claims = await Promise.all(
      Array.from({ length: 30 }, (_, index) =>
        (index % 2 ? store : another).operationQueue.claim(`w${index}`, 60),
      ),
    );
    const claimed = claims.filter((each) => each !== undefined);
    // Workers that meet on one row skip it, so a few may go away empty; none gets what another has.
    for (let next = await queue.claim('rest', 60); next; next = await queue.claim('rest', 60))
      claimed.push(next);
    expect(claimed.map(({ operation }) => operation.uid).sort()).toEqual([...uids].sort());
  });

  test('takes the longest due first and leaves what is not due', async () => {
    const first = await enqueue();
    const second = await enqueue();
    expect((await claim()).operation.uid).toBe(first.operation.uid);
    const late = await claim();
    expect(late.operation.uid).toBe(second.operation.uid);
    await queue.release(late, asleep);
    expect(await queue.claim('worker', 60)).toBeUndefined();
  });

  test('raises the fence each time', async () => {
    await enqueue();
    const first = await claim();
    await queue.release(first, {
      runAfterMs: 0,
      attempts: 3,
      description: 'again',
      errorCode: 'ClusterUnreachable',
    });
    const second = await claim();
    expect([first.fence, second.fence]).toEqual([1, 2]);
    expect(second.operation).toMatchObject({
      attempts: 3,
      description: 'again',
      errorCode: 'ClusterUnreachable',
    });
  });
});

describe('a lease that ran out', () => {
  test('lets another worker take over, and voids what the first one writes', async () => {
    const { instance, operation } = await enqueue();
    const slow = await claim('slow', 0.05);
    await sleep(80);
    const quick = await claim('quick');
    expect(quick).toMatchObject({ operation: { uid: operation.uid }, fence: 2 });

    await expect(finish(slow)).rejects.toBeInstanceOf(LeaseLost);
    expect(await queue.renew(slow, 60)).toBe(false);
    await queue.release(slow, { ...asleep, description: 'by the slow one' });
    expect(await store.findOperation(operation.uid)).toMatchObject({
      state: 'in progress',
      description: 'accepted',
    });
    expect((await store.findInstanceByUid(instance.uid))?.state).toBe('provisioning');

    await finish(quick);
    expect(await store.findOperation(operation.uid)).toMatchObject({
      state: 'succeeded',
      description: 'done',
    });
    await expect(finish(quick)).rejects.toBeInstanceOf(LeaseLost);
  });

  test('is lost even when nobody took over', async () => {
    await enqueue();
    const slow = await claim('slow', 0.05);
    await sleep(80);
    await expect(finish(slow)).rejects.toBeInstanceOf(LeaseLost);
  });

  test('is held as long as it is renewed', async () => {
    await enqueue();
    const held = await claim('worker', 0.2);
    expect(await queue.renew(held, 60)).toBe(true);
    await sleep(250);
    expect(await queue.claim('another', 60)).toBeUndefined();
    await finish(held);
  });
});

describe('one active operation', () => {
  test('per instance', async () => {
    const { instance } = await enqueue();
    const second = store.transact((transaction) =>
      transaction.enqueueOperation(newOperation(instance, { type: 'deprovision' })),
    );
    await expect(second).rejects.toBeInstanceOf(UniqueConflict);
    await expect(second).rejects.toMatchObject({ constraint: 'operations_one_active_per_instance' });
  });

  test('per binding, while its instance and other bindings have their own', async () => {
    const { instance } = await enqueue();
    const [one, two] = await store.transact(async (transaction) => [
      await transaction.insertBinding(newBinding(instance)),
      await transaction.insertBinding(newBinding(instance)),
    ]);
    await store.transact((transaction) => transaction.enqueueOperation(newOperation(one)));
    await store.transact((transaction) => transaction.enqueueOperation(newOperation(two)));
    await expect(
      store.transact((transaction) => transaction.enqueueOperation(newOperation(one, { type: 'unbind' }))),
    ).rejects.toMatchObject({ constraint: 'operations_one_active_per_binding' });
  });
});

describe('cancelOperation', () => {
  test('voids what the running claim writes and makes room for the next operation in one transaction', async () => {
    const { instance, operation } = await enqueue();
    const running = await claim();
    const next = await store.transact(async (transaction) => {
      await transaction.lockInstance(instance);
      await transaction.cancelOperation(operation.uid, 'cancelled by a delete');
      return transaction.enqueueOperation(newOperation(instance, { type: 'deprovision' }));
    });
    await expect(finish(running)).rejects.toBeInstanceOf(LeaseLost);
    expect(await queue.renew(running, 60)).toBe(false);
    expect(await store.findOperation(operation.uid)).toMatchObject({
      ...{ state: 'failed', errorCode: 'Cancelled', description: 'cancelled by a delete' },
    });
    expect((await store.findOperation(next.uid))?.state).toBe('in progress');
  });

  /** A deprovision behind a cancelled provision whose worker is still at it. */
  async function cancelledUnderWork(leaseSeconds: number) {
    const { instance, operation } = await enqueue();
    const late = await claim('late', leaseSeconds);
    const next = await store.transact(async (transaction) => {
      await transaction.cancelOperation(operation.uid, 'cancelled');
      return transaction.enqueueOperation(newOperation(instance, { type: 'deprovision' }));
    });
    return { instance, late, next };
  }

  test('holds back what follows until the late worker gives up: an effect of it may be on its way', async () => {
    const { instance, late, next } = await cancelledUnderWork(60);
    expect(await queue.claim('another', 60)).toBeUndefined();
    expect(await queue.msUntilNextDue()).toBeGreaterThan(50_000);
    const elsewhere = await enqueue();
    expect((await claim()).operation.uid).toBe(elsewhere.operation.uid);

    let woken = 0;
    const stop = queue.onWake(() => {
      woken += 1;
    });
    await queue.giveUp(late);
    expect((await claim()).operation.uid).toBe(next.uid);
    await expect.poll(() => woken).toBeGreaterThan(0);
    stop();
    expect(instance.uid).toBe(next.instanceUid);
  });

  test('holds back what follows no longer than the lease of a worker that died', async () => {
    const { next } = await cancelledUnderWork(1);
    expect(await queue.claim('another', 60)).toBeUndefined();
    await expect
      .poll(async () => (await queue.claim('another', 60))?.operation.uid, { timeout: 5000 })
      .toBe(next.uid);
  });

  test('a late worker that only releases gives up as well', async () => {
    const { late, next } = await cancelledUnderWork(60);
    await queue.release(late, asleep);
    expect((await claim()).operation.uid).toBe(next.uid);
  });

  test('of one binding does not hold back another', async () => {
    const { instance } = await enqueue();
    await finish(await claim());
    const [one, two] = await store.transact(async (transaction) => [
      await transaction.insertBinding(newBinding(instance)),
      await transaction.insertBinding(newBinding(instance)),
    ]);
    const bindOne = await store.transact((transaction) => transaction.enqueueOperation(newOperation(one)));
    await claim('late');
    const bindTwo = await store.transact(async (transaction) => {
      await transaction.cancelOperation(bindOne.uid, 'cancelled');
      await transaction.enqueueOperation(newOperation(one, { type: 'unbind' }));
      return transaction.enqueueOperation(newOperation(two));
    });
    expect((await claim()).operation.uid).toBe(bindTwo.uid);
    expect(await queue.claim('another', 60)).toBeUndefined();
  });

  test('does not change what has ended', async () => {
    const { operation } = await enqueue();
    await finish(await claim());
    await store.transact((transaction) => transaction.cancelOperation(operation.uid, 'too late'));
    expect((await store.findOperation(operation.uid))?.state).toBe('succeeded');
  });

  test('and finishOperation at once end in one of the two, without a deadlock', async () => {
    for (let round = 0; round < 10; round += 1) {
      const { instance, operation } = await enqueue();
      const claimed = await claim();
      const [finished] = await Promise.allSettled([
        finish(claimed),
        store.transact(async (transaction) => {
          await transaction.lockInstance(instance);
          await transaction.cancelOperation(operation.uid, 'cancelled');
        }),
      ]);
      const { state } = (await store.findOperation(operation.uid)) ?? {};
      expect(state).toBe(finished.status === 'fulfilled' ? 'succeeded' : 'failed');
    }
  });
});

describe('a wake', () => {
  const wake = (instance: ServiceInstance) =>
    store.transact((transaction) => transaction.wakeInstance(instance.uid));

  test('makes a sleeping operation due', async () => {
    const { instance } = await enqueue();
    await queue.release(await claim(), asleep);
    expect(await queue.claim('worker', 60)).toBeUndefined();
    await wake(instance);
    expect(await queue.msUntilNextDue()).toBe(0);
    await claim();
  });

  test('that comes while a worker is at it is not lost: the operation is due after the release', async () => {
    const { instance } = await enqueue();
    const working = await claim();
    await wake(instance);
    expect(await queue.claim('another', 60)).toBeUndefined();
    await queue.release(working, asleep);
    const again = await claim();
    // Seen by the second claim: it counts once.
    await queue.release(again, asleep);
    expect(await queue.claim('worker', 60)).toBeUndefined();
  });

  test('is not lost at any moment of a release', async () => {
    const { instance } = await enqueue();
    for (let round = 0; round < 20; round += 1) {
      const working = await claim();
      await Promise.all([queue.release(working, asleep), wake(instance)]);
      expect(await queue.msUntilNextDue()).toBe(0);
    }
  });

  test('reaches the operations of all bindings, and several at once do not deadlock', async () => {
    const { instance } = await enqueue();
    await store.transact(async (transaction) => {
      for (let index = 0; index < 4; index += 1) {
        await transaction.enqueueOperation(
          newOperation(await transaction.insertBinding(newBinding(instance))),
        );
      }
    });
    const claims = await Promise.all([1, 2, 3, 4, 5].map((index) => queue.claim(`w${index}`, 60)));
    await Promise.all(
      claims.map(async (claimed) => {
        if (claimed === undefined) return;
        await store.transact(async (transaction) => {
          await transaction.assertHeld(claimed);
          await transaction.wakeInstance(instance.uid);
          await transaction.finishOperation(claimed, { state: 'succeeded', description: 'done' });
        });
      }),
    );
  });

  test('calls back in another process at commit, not before', async () => {
    const another = await opened.openAnother();
    const heard = vi.fn();
    const stop = another.operationQueue.onWake(heard);
    const { instance } = await enqueue();
    await vi.waitFor(() => expect(heard).toHaveBeenCalled(), 1_000);
    await queue.release(await claim(), asleep);
    heard.mockClear();
    await store.transact(async (transaction) => {
      await transaction.wakeInstance(instance.uid);
      await sleep(100);
      expect(heard).not.toHaveBeenCalled();
    });
    await vi.waitFor(() => expect(heard).toHaveBeenCalled(), 1_000);
    stop();
    heard.mockClear();
    await enqueue();
    await sleep(100);
    expect(heard).not.toHaveBeenCalled();
  });
});

describe('msUntilNextDue', () => {
  test('tells when the next operation falls due: by its time or the end of its lease', async () => {
    expect(await queue.msUntilNextDue()).toBeUndefined();
    await enqueue();
    expect(await queue.msUntilNextDue()).toBe(0);
    const held = await claim('worker', 30);
    expect(await queue.msUntilNextDue()).toBeGreaterThan(25_000);
    await queue.release(held, { runAfterMs: 10_000, attempts: 0 });
    const ms = (await queue.msUntilNextDue()) ?? 0;
    expect(ms).toBeGreaterThan(5_000);
    expect(ms).toBeLessThanOrEqual(10_000);
  });
});

describe('waitUntilFinished', () => {
  test('returns soon after another process finished the operation', async () => {
    const another = await opened.openAnother();
    const { operation } = await enqueue();
    const claimed = await claim();
    const waiting = another.operationQueue.waitUntilFinished(operation.uid, 20_000);
    await sleep(100);
    const before = performance.now();
    await finish(claimed);
    expect((await waiting).state).toBe('succeeded');
    // Well below the slow poll: the notification did it.
    expect(performance.now() - before).toBeLessThan(1_000);
  });

  test('gives the operation as it is when the time is over, and at once when it has ended', async () => {
    const { operation } = await enqueue();
    expect((await queue.waitUntilFinished(operation.uid, 50)).state).toBe('in progress');
    await finish(await claim());
    expect((await queue.waitUntilFinished(operation.uid, 20_000)).state).toBe('succeeded');
  });

  test('survives a killed LISTEN connection, and what was finished meanwhile', async () => {
    const { operation } = await enqueue();
    const claimed = await claim();
    const waiting = queue.waitUntilFinished(operation.uid, 20_000);
    await sleep(50);
    const killed = await queryDatabase(
      opened.url,
      `select pg_terminate_backend(pid) from pg_stat_activity
       where application_name = 'chandler listen' and datname = current_database()`,
    );
    expect(killed.length).toBeGreaterThan(0);
    const before = performance.now();
    await finish(claimed);
    expect((await waiting).state).toBe('succeeded');
    expect(performance.now() - before).toBeLessThan(3_000);
  });

  test('ends when the store closes', async () => {
    const another = await opened.openAnother();
    const { operation } = await enqueue();
    const waiting = another.operationQueue.waitUntilFinished(operation.uid, 20_000);
    await sleep(50);
    await another.close();
    expect((await waiting).state).toBe('in progress');
  });
});
