/** Which operation a claim takes when there are many: no tenant, server or cluster may take everything. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
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
import type { ClaimLimits, NewInstance, OperationClaim, OperationQueue, Store } from './types.ts';

let opened: TestStore;
let store: Store;
let queue: OperationQueue;
/** Another replica. */
let another: OperationQueue;

beforeAll(async () => {
  opened = await openTestStore();
  store = opened.store;
  queue = store.operationQueue;
  another = (await opened.openAnother()).operationQueue;
  await store.putRevision(testRevision, new Map());
});
afterAll(() => opened?.close());
beforeEach(async () => {
  await queryDatabase(opened.url, 'truncate service_instances cascade');
});

interface Enqueued {
  instance: ServiceInstance;
  operation: Operation;
}

function enqueue(values: Partial<NewInstance> = {}): Promise<Enqueued> {
  return store.transact(async (transaction) => {
    const instance = await transaction.insertInstance(newInstance(values));
    return { instance, operation: await transaction.enqueueOperation(newOperation(instance)) };
  });
}

async function enqueueMany(count: number, values: Partial<NewInstance>): Promise<Enqueued[]> {
  const enqueued: Enqueued[] = [];
  for (let index = 0; index < count; index += 1) enqueued.push(await enqueue(values));
  return enqueued;
}

function enqueueBinds(instance: ServiceInstance, count: number): Promise<Operation[]> {
  return store.transact(async (transaction) => {
    const operations: Operation[] = [];
    for (let index = 0; index < count; index += 1) {
      const binding = await transaction.insertBinding(newBinding(instance));
      operations.push(await transaction.enqueueOperation(newOperation(binding)));
    }
    return operations;
  });
}

async function claim(from = queue, limits?: ClaimLimits): Promise<OperationClaim> {
  const claimed = await from.claim('worker', 60, limits);
  if (claimed === undefined) throw new Error('nothing to claim');
  return claimed;
}

const finish = (claimed: OperationClaim) =>
  store.transact(async (transaction) => {
    await transaction.assertHeld(claimed);
    await transaction.finishOperation(claimed, { state: 'succeeded', description: 'done' });
  });
const later = { runAfterMs: 3_600_000, attempts: 0 };

describe('fairness between tenants', () => {
  test.each([
    ['platform', { platform: 'quiet' }],
    ['organization', { organizationGuid: 'quiet' }],
    ['space', { spaceGuid: 'quiet' }],
    ['namespace', { contextNamespace: 'quiet' }],
  ])('a %s that asks once is next, whatever another one has due', async (_which, quiet) => {
    await enqueueMany(50, {});
    const held = [await claim(), await claim()];
    const { operation } = await enqueue(quiet);
    await finish(held[0] as OperationClaim);
    expect((await claim()).operation.uid).toBe(operation.uid);
  });

  test('counts what every replica works on', async () => {
    await enqueueMany(50, { spaceGuid: 'noisy' });
    await claim(queue);
    const { operation } = await enqueue({ spaceGuid: 'quiet' });
    expect((await claim(another)).operation.uid).toBe(operation.uid);
  });

  test('takes the longest due among tenants that are equal, and within one', async () => {
    const first = await enqueue({ spaceGuid: 'b' });
    const second = await enqueue({ spaceGuid: 'a' });
    const third = await enqueue({ spaceGuid: 'b' });
    const claimed = [await claim(), await claim(), await claim()].map(({ operation }) => operation.uid);
    expect(claimed).toEqual([first, second, third].map(({ operation }) => operation.uid));
  });

  test('every tenant gets on, however uneven they are, and two replicas share the work', async () => {
    const sizes = { one: 40, two: 1, three: 7, four: 3 };
    const tenantOf = new Map<string, string>();
    for (const [spaceGuid, size] of Object.entries(sizes)) {
      for (const { operation } of await enqueueMany(size, { spaceGuid }))
        tenantOf.set(operation.uid, spaceGuid);
    }
    const order: string[] = [];
    const held: OperationClaim[] = [];
    for (let turn = 0; turn < tenantOf.size; turn += 1) {
      if (held.length === 4) await finish(held.splice(turn % 4, 1)[0] as OperationClaim);
      const claimed = await claim(turn % 2 === 0 ? queue : another);
      held.push(claimed);
      order.push(tenantOf.get(claimed.operation.uid) ?? '');
    }
    // Each has its share of the slots from the start: the small ones are through while the large one still waits.
    expect(new Set(order.slice(0, 4))).toEqual(new Set(Object.keys(sizes)));
    expect(order.lastIndexOf('four')).toBeLessThan(16);
    expect(order.lastIndexOf('three')).toBeLessThan(26);
  });

  test('what is over only has to be ended, and is first', async () => {
    await enqueueMany(3, {});
    const over = await enqueueMany(1, {});
    await queryDatabase(opened.url, 'update operations set deadline = clock_timestamp() where uid = $1', [
      over[0]?.operation.uid,
    ]);
    expect(await claim()).toMatchObject({ operation: { uid: over[0]?.operation.uid }, expired: true });
  });
});

describe('limits', () => {
  const limits = { perServer: 2, perCluster: 4 };

  /** An instance that is ready, with so many binds due. */
  async function withBinds(count: number) {
    const { instance } = await enqueue();
    await finish(await claim());
    return { instance, binds: await enqueueBinds(instance, count) };
  }

  test('of a server hold back its binds over all replicas, and nobody else', async () => {
    await withBinds(5);
    await claim(queue, limits);
    await claim(another, limits);
    expect(await queue.claim('worker', 60, limits)).toBeUndefined();
    const elsewhere = await enqueue();
    expect((await claim(another, limits)).operation.uid).toBe(elsewhere.operation.uid);
  });

  test('of a server do not hold back the end of its instance', async () => {
    const { instance } = await withBinds(3);
    await claim(queue, limits);
    await claim(queue, limits);
    const deprovision = await store.transact((transaction) =>
      transaction.enqueueOperation(newOperation(instance, { type: 'deprovision' })),
    );
    expect((await claim(queue, limits)).operation.uid).toBe(deprovision.uid);
  });

  test('of a cluster hold back what is on it, and not what is on another', async () => {
    await enqueueMany(6, {});
    for (let index = 0; index < limits.perCluster; index += 1) await claim(queue, limits);
    expect(await another.claim('worker', 60, limits)).toBeUndefined();
    const elsewhere = await enqueue({ cluster: 'another' });
    expect((await claim(another, limits)).operation.uid).toBe(elsewhere.operation.uid);
  });

  test('hold back nothing that only has to be ended because its time is over', async () => {
    const { binds } = await withBinds(3);
    const held = [await claim(queue, limits), await claim(queue, limits)];
    await queryDatabase(opened.url, 'update operations set deadline = clock_timestamp()');
    const claimed = await claim(queue, limits);
    const heldUids = held.map(({ operation }) => operation.uid);
    expect(claimed).toMatchObject({ expired: true });
    expect(claimed.operation.uid).toBe(binds.find(({ uid }) => !heldUids.includes(uid))?.uid);
  });

  test('let nobody ask again before a lease ends, and wake everybody when one is given back', async () => {
    await withBinds(4);
    const held = [await claim(queue, limits), await claim(queue, limits)];
    expect(await queue.msUntilNextDue(limits)).toBeGreaterThan(50_000);
    let woken = 0;
    const stop = another.onWake(() => {
      woken += 1;
    });
    await queue.release(held[0] as OperationClaim, later);
    await expect.poll(() => woken, { timeout: 2_000 }).toBeGreaterThan(0);
    expect(await another.msUntilNextDue(limits)).toBe(0);
    await claim(another, limits);
    expect(await another.msUntilNextDue(limits)).toBeGreaterThan(50_000);
    woken = 0;
    await finish(held[1] as OperationClaim);
    await expect.poll(() => woken, { timeout: 2_000 }).toBeGreaterThan(0);
    stop();
  });

  test('a release that nobody waited for wakes nobody', async () => {
    await enqueue();
    const held = await claim(queue, limits);
    await sleep(50);
    let woken = 0;
    const stop = another.onWake(() => {
      woken += 1;
    });
    await queue.release(held, later);
    await sleep(100);
    expect(woken).toBe(0);
    stop();
  });

  test('do not hide when what comes later falls due', async () => {
    await withBinds(4);
    await claim(queue, limits);
    await claim(queue, limits);
    await enqueue();
    await queue.release(await claim(queue, limits), { runAfterMs: 5_000, attempts: 0 });
    const ms = await queue.msUntilNextDue(limits);
    expect(ms).toBeGreaterThan(3_000);
    expect(ms).toBeLessThanOrEqual(5_000);
  });
});

describe('takeovers', () => {
  const lapse = () =>
    queryDatabase(
      opened.url,
      'update operations set lease_until = clock_timestamp() where lease_until is not null',
    );

  test('are counted in a row, until a release, a step that is recorded, or the end', async () => {
    await enqueue();
    expect((await claim()).takeovers).toBe(0);
    await lapse();
    expect((await claim()).takeovers).toBe(1);
    await lapse();
    const third = await claim();
    expect(third.takeovers).toBe(2);

    await store.transact((transaction) => transaction.recordProgress(third));
    await lapse();
    const fourth = await claim();
    expect(fourth.takeovers).toBe(1);
    await queue.release(fourth, { runAfterMs: 0, attempts: 0 });
    expect((await claim()).takeovers).toBe(0);
  });

  test('a late worker records no progress', async () => {
    await enqueue();
    await claim();
    await lapse();
    const late = await claim();
    await lapse();
    await claim();
    await store.transact((transaction) => transaction.recordProgress(late));
    await lapse();
    expect((await claim()).takeovers).toBe(3);
  });
});
