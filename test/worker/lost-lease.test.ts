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
