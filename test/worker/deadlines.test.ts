/** No operation outlives its deadline, whatever it waits for. */
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { ChandlerError } from '../../src/domain/errors.ts';
import type { Operation } from '../../src/domain/operation.ts';
import { startWorkerHarness, type WorkerHarness } from '../support/worker-harness.ts';

let harness: WorkerHarness;
beforeAll(async () => {
  // Nothing becomes ready.
  harness = await startWorkerHarness({ cluster: { autoReadyMs: 3_600_000 } });
});
afterAll(() => harness?.close());
afterEach(async () => {
  await harness.stopAll();
  harness.cluster.beforeWrite = () => undefined;
});

/** How long after its deadline the operation ended. */
function overrunMs({ deadline, finishedAt }: Operation): number {
  return (finishedAt?.getTime() ?? Number.POSITIVE_INFINITY) - deadline.getTime();
}

test('a wait that is longer than the time that is left ends with it', async () => {
  harness.startWatcher();
  harness.startWorker();
  const { operation } = await harness.provision({ timeouts: { provision: 2 } });
  await harness.untilDescribed(operation, 'volume is not bound');
  const finished = await harness.untilFinished(operation);
  expect(finished).toMatchObject({ state: 'failed', errorCode: 'DeadlineExceeded' });
  expect(overrunMs(finished)).toBeLessThan(1_000);
});

test('a retry that is further away than the time that is left comes with it', async () => {
  harness.cluster.beforeWrite = () => {
    throw new ChandlerError('ClusterUnreachable');
  };
  harness.startWorker();
  const { operation } = await harness.provision({ timeouts: { provision: 2 } });
  // The next delay would be 15 s at most.
  await harness.query('update operations set attempts = 20, error_code = $1 where uid = $2', [
    'ClusterUnreachable',
    operation.uid,
  ]);
  const finished = await harness.untilFinished(operation);
  expect(finished).toMatchObject({ state: 'failed', errorCode: 'DeadlineExceeded' });
  expect(overrunMs(finished)).toBeLessThan(1_000);
});

test('a bind that waits for its instance ends with it, within the time of both', async () => {
  harness.startWatcher();
  harness.startWorker();
  const { instance, operation: provision } = await harness.provision({ timeouts: { provision: 2, bind: 1 } });
  const { operation: bind } = await harness.bind(instance);
  // What checkPolling asks of maximum_polling_duration at least.
  expect(bind.deadline.getTime() - bind.createdAt.getTime()).toBeLessThanOrEqual(3_000);
  expect(await harness.untilFinished(provision)).toMatchObject({ errorCode: 'DeadlineExceeded' });
  const finished = await harness.untilFinished(bind);
  expect(finished).toMatchObject({ state: 'failed', errorCode: 'InstanceNotUsable' });
  expect(overrunMs(finished)).toBeLessThan(0);
});

test('a bind whose instance says nothing more ends at its own deadline', async () => {
  harness.startWatcher();
  const worker = harness.startWorker();
  const { instance } = await harness.provision({ timeouts: { provision: 1, bind: 1 } });
  const { operation: bind } = await harness.bind(instance);
  await harness.untilDescribed(bind, 'waiting for the service instance');
  // As if the provision were being worked on all the time.
  await worker.stop(1_000);
  await harness.query(
    `update operations set lease_owner = 'busy', lease_until = now() + interval '1 hour'
     where instance_uid = $1 and type = 'provision'`,
    [instance.uid],
  );
  harness.startWorker();
  const finished = await harness.untilFinished(bind);
  expect(finished).toMatchObject({ state: 'failed', errorCode: 'DeadlineExceeded' });
  expect(overrunMs(finished)).toBeLessThan(1_000);
});
