import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { queryDatabase } from '../../test/support/postgres.ts';
import {
  newInstance,
  newOperation,
  openTestStore,
  type TestStore,
  testRevision,
} from '../../test/support/store.ts';
import type { ServiceInstance } from '../domain/instance.ts';
import { LeaseLost, type ObservedObject, type OperationQueue, type Store } from './types.ts';

let opened: TestStore;
let store: Store;
let queue: OperationQueue;
let instance: ServiceInstance;

beforeAll(async () => {
  opened = await openTestStore();
  store = opened.store;
  queue = store.operationQueue;
  await store.putRevision(testRevision, new Map());
});
afterAll(() => opened?.close());

/** Each test has an instance with an operation that sleeps for an hour. */
beforeEach(async () => {
  await queryDatabase(opened.url, 'delete from observed_objects');
  await store.holdLease(watcher.lease, watcher.owner, 600);
  await queryDatabase(opened.url, `update operations set run_at = now() + interval '1 day'`);
  instance = await store.transact(async (transaction) => {
    const inserted = await transaction.insertInstance(newInstance());
    await transaction.enqueueOperation(newOperation(inserted));
    return inserted;
  });
  await sleep();
});

async function sleep(): Promise<void> {
  const claim = await queue.claim('worker', 60);
  if (claim === undefined) throw new Error('nothing to put to sleep');
  await queue.release(claim, { runAfterMs: 3_600_000, attempts: 0 });
}

/** Whether the operation was woken since; puts it to sleep again. */
async function wasWoken(): Promise<boolean> {
  const woken = (await queue.msUntilNextDue()) === 0;
  if (woken) await sleep();
  return woken;
}

const cluster = 'local';
const watcher = { cluster, lease: 'watcher:local', owner: 'this one' };
function seen(name: string, version: number | string, values: Partial<ObservedObject> = {}): ObservedObject {
  return {
    ...{
      cluster,
      instanceUid: instance.uid,
      apiVersion: 'v1',
      kind: 'Pod',
      namespace: 'n',
      name,
      uid: `uid-${name}`,
    },
    object: { metadata: { name, resourceVersion: String(version) }, status: { text: 'a\u0000b' } },
    ...values,
  };
}
const known = () => store.listObserved(instance.uid);

describe('observe', () => {
  test('writes the object down as it is and wakes the operation', async () => {
    const object = seen('a', 1, { bindingUid: 'b' });
    await queue.observe(watcher, object);
    expect(await known()).toEqual([object]);
    expect(await wasWoken()).toBe(true);
  });

  test('of what is known wakes nobody', async () => {
    await queue.observe(watcher, seen('a', 7));
    await wasWoken();
    await queue.observe(watcher, seen('a', 7));
    expect(await wasWoken()).toBe(false);
    await queue.observe(watcher, seen('a', 8));
    expect(await wasWoken()).toBe(true);
  });

  test('does not put an older sighting over a newer one, compared as numbers', async () => {
    await queue.observe(watcher, seen('a', 10));
    await wasWoken();
    await queue.observe(watcher, seen('a', 9));
    expect(await known()).toEqual([seen('a', 10)]);
    expect(await wasWoken()).toBe(false);
  });

  test('does not bring back what was deleted since', async () => {
    await queue.observe(watcher, seen('a', 1));
    await queue.observeGone(watcher, seen('a', 5));
    await wasWoken();
    await queue.observe(watcher, seen('a', 4));
    expect(await known()).toEqual([]);
    expect(await wasWoken()).toBe(false);
  });

  test('of an object that got its label back after the watch had reported it as deleted shows it again', async () => {
    await queue.observe(watcher, seen('a', 1));
    await queue.observeGone(watcher, seen('a', 5));
    await queue.observe(watcher, seen('a', 6));
    expect(await known()).toEqual([seen('a', 6)]);
  });

  test('of a new object under an old name replaces the old one, and a late sighting of the old one does not', async () => {
    await queue.observe(watcher, seen('a', 3));
    const successor = seen('a', 5, { uid: 'uid-successor' });
    await queue.observe(watcher, successor);
    expect(await known()).toEqual([successor]);
    await queue.observe(watcher, seen('a', 4));
    expect(await known()).toEqual([successor]);
  });

  test('by worker and watcher at once keeps the newest', async () => {
    const versions = [3, 9, 1, 7, 10, 2, 8];
    await Promise.all(versions.map((version) => queue.observe(watcher, seen('a', version))));
    expect(await known()).toEqual([seen('a', 10)]);
  });

  test('of an object whose labels name nothing of ours is kept for whoever looks for orphans', async () => {
    await queue.observe(watcher, seen('a', 1, { instanceUid: 'not a uid' }));
    expect(await store.listObserved('not a uid')).toHaveLength(1);
  });
});

describe('observeGone', () => {
  test('removes the object and wakes, once', async () => {
    await queue.observe(watcher, seen('a', 1));
    await wasWoken();
    await queue.observeGone(watcher, seen('a', 2));
    expect(await known()).toEqual([]);
    expect(await wasWoken()).toBe(true);
    await queue.observeGone(watcher, seen('a', 2));
    expect(await wasWoken()).toBe(false);
  });

  test('of another uid leaves the object alone', async () => {
    await queue.observe(watcher, seen('a', 5));
    await queue.observeGone(watcher, seen('a', 4, { uid: 'uid-predecessor' }));
    expect(await known()).toEqual([seen('a', 5)]);
  });
});

describe('observeAll', () => {
  const pods = { apiVersion: 'v1', kind: 'Pod' };

  test('leaves exactly the objects named, of that kind and cluster, and wakes for what went', async () => {
    const service = seen('a', 1, { kind: 'Service', uid: 'uid-service' });
    const elsewhere = seen('a', 1, { cluster: 'another', uid: 'uid-elsewhere' });
    await queue.observe(watcher, service);
    await queue.observe({ ...watcher, cluster: 'another' }, elsewhere);
    await queue.observe(watcher, seen('a', 1));
    await queue.observe(watcher, seen('gone', 1));
    await wasWoken();

    await queue.observeAll(watcher, pods, [seen('a', 1)]);
    expect(await known()).toEqual([elsewhere, seen('a', 1), service]);
    expect(await wasWoken()).toBe(true);

    await queue.observeAll(watcher, pods, [seen('a', 1)]);
    expect(await wasWoken()).toBe(false);
  });

  test('adds and updates, and wakes for that', async () => {
    await queue.observeAll(watcher, pods, [seen('a', 1), seen('b', 1)]);
    expect(await wasWoken()).toBe(true);
    await queue.observeAll(watcher, pods, [seen('a', 2), seen('b', 1)]);
    expect(await known()).toEqual([seen('a', 2), seen('b', 1)]);
    expect(await wasWoken()).toBe(true);
    await queue.observeAll(watcher, pods, []);
    expect(await known()).toEqual([]);
  });

  test('of a list older than an object does not forbid its arrival through the watch', async () => {
    await queue.observe(watcher, seen('a', 101));
    await queue.observeAll(watcher, pods, []);
    await queue.observe(watcher, seen('a', 101));
    expect(await known()).toEqual([seen('a', 101)]);
  });

  test('takes a thousand objects of many instances', async () => {
    const many = Array.from({ length: 1_000 }, (_, index) => seen(`pod-${index}`, 1));
    await queue.observeAll(watcher, pods, many);
    expect(await known()).toHaveLength(1_000);
  });
});

test('an operation that is made while a sighting commits sees it or is woken by it', async () => {
  const other = await store.transact((transaction) => transaction.insertInstance(newInstance()));
  for (let version = 1; version <= 30; version += 1) {
    let operationUid = '';
    const tick = async () => {
      const operation = await store.transact((transaction) =>
        transaction.enqueueOperation(newOperation(other)),
      );
      operationUid = operation.uid;
      let claim = await queue.claim('worker', 60);
      // Passed over while the sighting has the row locked; a worker comes again as well.
      while (claim === undefined) claim = await queue.claim('worker', 60);
      const objects = await store.listObserved(other.uid);
      await queue.release(claim, { runAfterMs: 3_600_000, attempts: 0 });
      return objects;
    };
    const [objects] = await Promise.all([
      tick(),
      queue.observe(watcher, seen('racing', version, { instanceUid: other.uid })),
    ]);
    const saw = objects.some(({ object }) =>
      JSON.stringify(object).includes(`"resourceVersion":"${version}"`),
    );
    expect(saw || (await queue.msUntilNextDue()) === 0).toBe(true);
    await store.transact((transaction) => transaction.cancelOperation(operationUid, 'next round'));
  }
});

test('a watcher that was deposed while it stood still cannot bring back what its successor saw go', async () => {
  await queue.observe(watcher, seen('a', 1));
  await queryDatabase(opened.url, "update leases set expires_at = now() - interval '1 second'");
  const successor = { ...watcher, owner: 'the next one' };
  expect(await store.holdLease(successor.lease, successor.owner, 600)).toBe(true);
  await queue.observeAll(successor, { apiVersion: 'v1', kind: 'Pod' }, []);

  await expect(queue.observe(watcher, seen('a', 2))).rejects.toThrow(LeaseLost);
  await expect(queue.observeGone(watcher, seen('a', 2))).rejects.toThrow(LeaseLost);
  expect(await known()).toEqual([]);
  await store.releaseLease(successor.lease, successor.owner);
});
