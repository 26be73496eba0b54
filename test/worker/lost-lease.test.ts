/** One effect may be several requests: whoever lost the lease between two of them does not send the second. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startWorkerHarness, type WorkerHarness } from '../support/worker-harness.ts';

const leaseSeconds = 1.5;

let harness: WorkerHarness;
beforeEach(async () => {
  harness = await startWorkerHarness({ leaseSeconds });
  harness.startWatcher();
});
afterEach(() => harness.close());

test('a namespace that was made late is not applied', async () => {
  const held = harness.cluster.holdNext(({ verb, kind }) => verb === 'create' && kind === 'Namespace');
  harness.startWorker();
  const { operation } = await harness.provision();
  await held.reached;
  // Another one has it, and does nothing here.
  await harness.query(
    `update operations set fence = fence + 1, lease_owner = 'another', lease_until = now() + interval '1 hour'
     where uid = $1`,
    [operation.uid],
  );
  // The next renewal is refused.
  await sleep(leaseSeconds * 1000);
  held.resume();

  await expect.poll(() => harness.eventsOf('leaseLost', operation)).toHaveLength(1);
  expect(harness.cluster.written.map(({ verb, kind }) => `${verb} ${kind}`)).toEqual(['create Namespace']);
});

test('a claim whose answer was longer on its way than its lease lasts has no effect', async () => {
  const first = harness.startWorker();
  const { instance, operation } = await harness.provision();
  expect((await harness.untilFinished(operation)).state).toBe('succeeded');
  await first.stop(1000);

  const { operationQueue } = harness.store;
  const claimed = Promise.withResolvers<void>();
  const answered = Promise.withResolvers<void>();
  const late = harness.startWorker({
    store: {
      ...harness.store,
      operationQueue: {
        ...operationQueue,
        claim: async (...asked) => {
          const claim = await operationQueue.claim(...asked);
          if (claim !== undefined) {
            claimed.resolve();
            await answered.promise;
          }
          return claim;
        },
      },
    },
    settings: { owner: 'late', concurrency: 1, leaseSeconds },
  });
  const { binding, operation: binds } = await harness.bind(instance);
  await claimed.promise;
  harness.startWorker();
  await harness.untilFinished(binds);
  await harness.untilFinished(await harness.unbind(await harness.binding(binding)));

  const before = harness.provider.callsOf('create').length;
  answered.resolve();
  await expect.poll(() => harness.eventsOf('leaseLost', binds)).toHaveLength(1);
  await late.stop(1000);
  expect(harness.provider.callsOf('create')).toHaveLength(before);
  expect([...harness.provider.logins]).toEqual([]);
});
