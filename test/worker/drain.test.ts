/** What becomes of operations when the process that works on them is asked to end. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { startWorkerHarness, type WorkerHarness } from '../support/worker-harness.ts';

let harness: WorkerHarness;
beforeAll(async () => {
  harness = await startWorkerHarness({ leaseSeconds: 60 });
});
afterAll(() => harness?.close());
beforeEach(() => harness.startWatcher());
afterEach(async () => {
  await harness.stopAll();
  harness.provider.before = () => undefined;
  harness.provider.logins.clear();
  harness.events.splice(0);
});

test('the effect that is under way is finished and recorded, the next one is the other replica’s', async () => {
  const { operation } = await harness.provision();
  const held = harness.cluster.holdNext(
    ({ verb, kind }) => verb === 'apply' && kind === 'PersistentVolumeClaim',
  );
  const ends = harness.startWorker();
  await held.reached;
  const stopping = ends.stop(10_000);
  held.resume();
  await stopping;
  expect(harness.eventsOf('operationHandedOver', operation)).toHaveLength(1);
  expect(harness.eventsOf('leaseLost', operation)).toEqual([]);
  const kinds = harness.cluster.written.map(({ kind }) => kind);
  expect(kinds).toContain('PersistentVolumeClaim');
  expect(kinds).not.toContain('Service');
  expect(
    await harness.query(
      `select lease_owner, run_at <= clock_timestamp() as due, takeovers, (select count(object_uid)::int from inventory
         where kind = 'PersistentVolumeClaim') as recorded from operations where uid = $1`,
      [operation.uid],
    ),
  ).toEqual([{ lease_owner: null, due: true, takeovers: 0, recorded: 1 }]);

  const begun = performance.now();
  harness.startWorker();
  expect(await harness.untilFinished(operation)).toMatchObject({ state: 'succeeded' });
  expect(performance.now() - begun).toBeLessThan(2_000);
});

/** Lets the next call of the provider wait. */
function holdBind() {
  const reached = Promise.withResolvers<void>();
  const resumed = Promise.withResolvers<void>();
  harness.provider.before = async (verb) => {
    if (verb !== 'create') return;
    reached.resolve();
    await resumed.promise;
  };
  return { reached: reached.promise, resume: resumed.resolve };
}

test('its earlier failures stay counted, and a replica that runs goes on within a moment', async () => {
  const worker = harness.startWorker();
  const { instance, operation } = await harness.provision();
  await harness.untilFinished(operation);
  await worker.stop(1_000);

  const { operation: bind } = await harness.bind(await harness.instance(instance));
  await harness.query('update operations set attempts = 2, error_code = $1 where uid = $2', [
    'ServerUnreachable',
    bind.uid,
  ]);
  const server = holdBind();
  const ends = harness.startWorker();
  await server.reached;
  harness.startWorker();
  const stopping = ends.stop(10_000);
  const claims: unknown[] = [];
  harness.provider.before = async () => {
    claims.push(await harness.store.findOperation(bind.uid));
  };
  server.resume();
  await stopping;
  const begun = performance.now();
  expect(await harness.untilFinished(bind)).toMatchObject({ state: 'succeeded' });
  expect(performance.now() - begun).toBeLessThan(2_000);
  expect(claims).toMatchObject([{ attempts: 2, errorCode: 'ServerUnreachable', fence: 2 }]);
});

test('a deprovision that is unbinding does not take it for a server that is away', async () => {
  const worker = harness.startWorker();
  const { instance, operation } = await harness.provision();
  await harness.untilFinished(operation);
  const bindings = [await harness.bind(instance), await harness.bind(instance)];
  for (const bind of bindings) await harness.untilFinished(bind.operation);
  // Between two effects: right before it would look at its lease and revoke the first login.
  const reached = Promise.withResolvers<void>();
  const resumed = Promise.withResolvers<void>();
  const reach = vi.spyOn(harness.cluster, 'reach').mockImplementation(async (service) => {
    reached.resolve();
    await resumed.promise;
    reach.mockRestore();
    return harness.cluster.reach(service);
  });
  const deprovision = await harness.deprovision(await harness.instance(instance));
  await reached.promise;
  const stopping = worker.stop(10_000);
  resumed.resolve();
  await stopping;
  expect(harness.eventsOf('operationHandedOver', deprovision)).toHaveLength(1);
  expect(harness.eventsOf('backgroundFaulted')).toEqual([]);
  expect(harness.provider.logins.size).toBe(2);
  harness.startWorker();
  expect(await harness.untilFinished(deprovision)).toMatchObject({ state: 'succeeded' });
  expect(harness.provider.logins.size).toBe(0);
});

test('an effect that outlasts the grace keeps its lease', async () => {
  const { operation } = await harness.provision();
  const held = harness.cluster.holdNext(({ verb }) => verb === 'create');
  const ends = harness.startWorker();
  await held.reached;
  await ends.stop(100);
  const other = harness.startWorker();
  await expect
    .poll(() => harness.query('select lease_owner from operations where uid = $1', [operation.uid]))
    .toMatchObject([{ lease_owner: expect.stringContaining('worker') }]);
  expect(harness.eventsOf('operationClaimed', operation)).toHaveLength(1);
  await other.stop(1_000);
  held.resume();
});
