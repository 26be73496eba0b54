/** One tenant, one server that hangs, or one operation that ends its worker must not take everything. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { ChandlerError } from '../../src/domain/errors.ts';
import type { ServiceInstance } from '../../src/domain/instance.ts';
import type { Operation } from '../../src/domain/operation.ts';
import type { Store } from '../../src/store/types.ts';
import { startWorkerHarness, type WorkerHarness } from '../support/worker-harness.ts';

let harness: WorkerHarness;
beforeAll(async () => {
  harness = await startWorkerHarness();
});
afterAll(() => harness?.close());
afterEach(async () => {
  await harness.stopAll();
  harness.provider.before = () => undefined;
  harness.events.splice(0);
});

async function ready(): Promise<ServiceInstance> {
  const { instance, operation } = await harness.provision();
  expect(await harness.untilFinished(operation)).toMatchObject({ state: 'succeeded' });
  return harness.instance(instance);
}

/** A store that counts what its worker asks. */
function counting(store: Store) {
  const counts = { claims: 0, looks: 0 };
  const { operationQueue } = store;
  const counted: Store = {
    ...store,
    operationQueue: {
      ...operationQueue,
      claim: (...given) => {
        counts.claims += 1;
        return operationQueue.claim(...given);
      },
      msUntilNextDue: (...given) => {
        counts.looks += 1;
        return operationQueue.msUntilNextDue(...given);
      },
    },
  };
  return { counts, counted };
}

describe('a server that hangs', () => {
  test('takes its share of the slots and no more, and nobody asks for the rest again and again', async () => {
    harness.startWatcher();
    const { counts, counted } = counting(harness.store);
    const settings = { owner: 'limited', concurrency: 4, leaseSeconds: 15 };
    harness.startWorker({
      store: counted,
      settings: { ...settings, limits: { perServer: 2, perCluster: 32 } },
    });
    const instance = await ready();
    const hanging = Promise.withResolvers<void>();
    let hung = 0;
    harness.provider.before = async (verb) => {
      if (verb !== 'create') return;
      hung += 1;
      await hanging.promise;
    };
    const binds: Operation[] = [];
    for (let index = 0; index < 6; index += 1) binds.push((await harness.bind(instance)).operation);
    await expect.poll(() => hung).toBe(2);

    // Others get on, with the slots that are left.
    await ready();
    expect(hung).toBe(2);

    await sleep(200);
    const before = { ...counts };
    await sleep(1_500);
    // The slow poll of the listener may have come once.
    expect(counts.claims - before.claims).toBeLessThanOrEqual(2);
    expect(counts.looks - before.looks).toBeLessThanOrEqual(2);

    hanging.resolve();
    for (const bind of binds) {
      expect(await harness.untilFinished(bind)).toMatchObject({ state: 'succeeded' });
    }
  });
});

describe('an operation whose workers stop one after the other', () => {
  test('is given up, and says what to do', async () => {
    harness.startWatcher();
    const { instance, operation } = await harness.provision();
    await harness.query(
      'update operations set lease_owner = $1, lease_until = now(), takeovers = 5 where uid = $2',
      ['dead', operation.uid],
    );
    const before = harness.cluster.requests.length;
    harness.startWorker();
    expect(await harness.untilFinished(operation)).toMatchObject({
      state: 'failed',
      errorCode: 'WorkersLost',
      description: expect.stringContaining('memory limit'),
    });
    expect((await harness.instance(instance)).state).toBe('provision failed');
    expect(harness.cluster.requests).toHaveLength(before);
    expect(await harness.untilFinished(await harness.deprovision(instance))).toMatchObject({
      state: 'succeeded',
    });
  });

  test('is not given up as long as they record steps between', async () => {
    harness.startWatcher();
    const { operation } = await harness.provision();
    const takeovers = async () =>
      (await harness.query('select takeovers from operations where uid = $1', [operation.uid]))[0]?.takeovers;
    // In the middle of a chart: no tick ends between the two objects, and so nothing is released.
    const first = harness.cluster.holdNext(
      ({ verb, kind }) => verb === 'apply' && kind === 'PersistentVolumeClaim',
    );
    harness.startWorker();
    await first.reached;
    await harness.query(`update operations set lease_until = now(), takeovers = 4 where uid = $1`, [
      operation.uid,
    ]);
    const second = harness.cluster.holdNext(({ verb, kind }) => verb === 'apply' && kind === 'Service');
    harness.startWorker();
    await second.reached;
    expect(await takeovers()).toBe(0);
    second.resume();
    expect(await harness.untilFinished(operation)).toMatchObject({ state: 'succeeded' });
    first.resume();
  });
});

describe('a fault', () => {
  /** As if so many attempts had failed in this way already. */
  const failedBefore = (operation: Operation, attempts: number, errorCode: string) =>
    harness.query('update operations set attempts = $1, error_code = $2 where uid = $3', [
      attempts,
      errorCode,
      operation.uid,
    ]);

  async function bindAfter(attempts: number, errorCode: string, thrown: () => Error): Promise<Operation> {
    harness.startWatcher();
    const worker = harness.startWorker();
    const instance = await ready();
    await worker.stop(1_000);
    harness.provider.before = (verb) => {
      if (verb === 'create') throw thrown();
    };
    const { operation } = await harness.bind(instance);
    await failedBefore(operation, attempts, errorCode);
    harness.startWorker();
    return operation;
  }

  test('of our own ends the operation at the tenth in a row', async () => {
    const operation = await bindAfter(9, 'Internal', () => new TypeError('undefined is not a function'));
    expect(await harness.untilFinished(operation)).toMatchObject({ state: 'failed', errorCode: 'Internal' });
    expect(harness.eventsOf('operationRetried', operation)).toEqual([]);
  });

  test('of our own is not counted together with those of the environment', async () => {
    const operation = await bindAfter(
      50,
      'ServerUnreachable',
      () => new TypeError('undefined is not a function'),
    );
    await expect.poll(() => harness.eventsOf('operationRetried', operation)[0]?.fields.attempts).toBe(1);
    expect((await harness.store.findOperation(operation.uid))?.state).toBe('in progress');
  });

  test('of the environment is tried on until the deadline', async () => {
    const operation = await bindAfter(50, 'ServerUnreachable', () => new ChandlerError('ServerUnreachable'));
    await expect.poll(() => harness.eventsOf('operationRetried', operation)[0]?.fields.attempts).toBe(51);
    expect((await harness.store.findOperation(operation.uid))?.state).toBe('in progress');
  });
});
