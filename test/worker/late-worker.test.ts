/** A later request cancels an operation while one of its effects is on its way: in the end nothing of it is left. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Operation } from '../../src/domain/operation.ts';
import { startWorkerHarness, type WorkerHarness } from '../support/worker-harness.ts';

let harness: WorkerHarness;
beforeEach(async () => {
  harness = await startWorkerHarness();
  harness.startWatcher();
  harness.startWorker();
});
afterEach(() => harness.close());

/** Long enough for a successor that does not wait to overtake. */
const overtakenMs = 400;
const pause = () => new Promise((resolve) => setTimeout(resolve, overtakenMs));

async function readyInstance() {
  const { instance, operation } = await harness.provision();
  expect((await harness.untilFinished(operation)).state).toBe('succeeded');
  return instance;
}

/** Holds the next login back until `resume`. */
function holdLogin(): { reached: Promise<void>; resume: () => void } {
  const reached = Promise.withResolvers<void>();
  const resumed = Promise.withResolvers<void>();
  harness.provider.before = async (verb) => {
    if (verb !== 'create') return;
    reached.resolve();
    await resumed.promise;
  };
  return { reached: reached.promise, resume: resumed.resolve };
}

async function succeeded(operation: Operation): Promise<void> {
  expect(await harness.untilFinished(operation)).toMatchObject({ state: 'succeeded' });
}

test('an unbind waits for the bind that it cancelled, and then finds its login', async () => {
  const instance = await readyInstance();
  const login = holdLogin();
  const { binding, operation } = await harness.bind(instance);
  await login.reached;
  const unbinding = await harness.unbind(binding);
  await pause();
  login.resume();

  await succeeded(unbinding);
  expect((await harness.store.findOperation(operation.uid))?.errorCode).toBe('Cancelled');
  expect([...harness.provider.logins]).toEqual([]);
  expect(
    harness.objectsOf(instance).filter(({ metadata }) => metadata.name === binding.externalName),
  ).toEqual([]);
});

test('a deprovision waits for a bind that is past its login, and takes back what it delivered', async () => {
  const instance = await readyInstance();
  const secret = harness.cluster.holdNext(({ verb, kind }) => verb === 'apply' && kind === 'Secret');
  await harness.bind(instance);
  await secret.reached;
  const deprovisioning = await harness.deprovision(instance);
  await pause();
  secret.resume();

  await succeeded(deprovisioning);
  expect(harness.objectsOf(instance)).toEqual([]);
});

test('a deprovision waits for the very first effect of the provision that it cancelled', async () => {
  const namespace = harness.cluster.holdNext(({ verb, kind }) => verb === 'create' && kind === 'Namespace');
  const { instance } = await harness.provision();
  await namespace.reached;
  const deprovisioning = await harness.deprovision(instance);
  await pause();
  namespace.resume();

  await succeeded(deprovisioning);
  await pause();
  expect(harness.objectsOf(instance)).toEqual([]);
  expect(await harness.inventoryOf(instance)).toEqual([]);
});

test('a deprovision sees what is foreign before a binding or an object loses anything', async () => {
  const instance = await readyInstance();
  const { binding, operation } = await harness.bind(instance);
  await succeeded(operation);
  const foreign = { apiVersion: 'v1', kind: 'ConfigMap', namespace: instance.namespace, name: 'somebody' };
  await harness.cluster.create({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { namespace: foreign.namespace, name: foreign.name },
  });
  const before = harness.objectsOf(instance);
  expect(await harness.untilFinished(await harness.deprovision(instance))).toMatchObject({
    state: 'failed',
    errorCode: 'ResourceFailed',
    description: expect.stringContaining('ConfigMap somebody'),
  });
  expect(harness.objectsOf(instance)).toEqual(before);
  expect((await harness.binding(binding)).state).toBe('bound');

  harness.cluster.vanish(foreign);
  await succeeded(await harness.deprovision(instance));
  expect(harness.objectsOf(instance)).toEqual([]);
  expect((await harness.binding(binding)).state).toBe('unbound');
});
