import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { ServiceInstance } from '../../src/domain/instance.ts';
import type { Operation } from '../../src/domain/operation.ts';
import type { KubeObject } from '../../src/kube/types.ts';
import type { Watcher } from '../../src/worker/watcher.ts';
import { CrashPoint, type When } from '../support/crash-point.ts';
import { appNamespace, present, startWorkerHarness, type WorkerHarness } from '../support/worker-harness.ts';

let harness: WorkerHarness;
/** One for all, so that no test pays for mirroring what earlier ones made. */
let watcher: Watcher;
beforeAll(async () => {
  harness = await startWorkerHarness();
  watcher = harness.startWatcher(harness.store, 'watcher', { forgotten: true });
});
afterAll(async () => {
  await watcher?.stop();
  await harness?.close();
});
afterEach(async () => {
  await harness.stopAll();
  harness.events.splice(0);
});

/** Every step of each verb that changes something, in order. */
const steps = {
  provision: [
    'plan namespace',
    'create Namespace',
    'apply Namespace',
    'record Namespace',
    'release',
    'plan admin',
    'apply Secret',
    'record Secret',
    'plan server',
    'apply PersistentVolumeClaim',
    'record PersistentVolumeClaim',
    'apply Service',
    'record Service',
    'apply StatefulSet',
    'record StatefulSet',
    'prepare server',
    'finish',
  ],
  bind: [
    'create login',
    'create Secret',
    'apply Secret',
    'create ConfigMap',
    'apply ConfigMap',
    'record credentials',
    'finish',
  ],
  unbind: ['revoke login', 'delete Secret', 'delete ConfigMap', 'record unbound', 'finish'],
  deprovision: [
    'revoke login',
    'delete Secret',
    'delete ConfigMap',
    'record unbound',
    'delete StatefulSet',
    'delete Service',
    'delete PersistentVolumeClaim',
    'release',
    'forget StatefulSet',
    'forget Service',
    'forget PersistentVolumeClaim',
    'forget Secret',
    'delete Namespace',
    'forget Namespace',
    'finish',
  ],
};
const rows = (verb: keyof typeof steps) =>
  steps[verb].flatMap((step) => (['before', 'after'] as const).map((when) => [when, step] as const));

/** The first worker, which dies at the point. */
function startDoomedWorker(point: CrashPoint): void {
  harness.startWorker({
    store: point.store(harness.store),
    clusterOf: () => point.cluster(harness.cluster),
    providers: { postgresql: point.provider(harness.provider) },
  });
}

/** A worker follows the operation until it dies; when its lease has run out, another one takes over. */
async function surviveCrash(operation: Operation, point: CrashPoint, instance: ServiceInstance) {
  startDoomedWorker(point);
  await point.reached;
  const before = new Map(harness.objectsOf(instance).map((object) => [nameOf(object), object.metadata.uid]));
  await harness.expireLeases();
  harness.startWorker();
  expect(await harness.untilFinished(operation)).toMatchObject({ state: 'succeeded' });
  return before;
}

async function provisioned(): Promise<ServiceInstance> {
  const worker = harness.startWorker();
  const { instance, operation } = await harness.provision();
  await harness.untilFinished(operation);
  await worker.stop(1000);
  return harness.instance(instance);
}

async function bound(instance: ServiceInstance) {
  const worker = harness.startWorker();
  const { binding, operation } = await harness.bind(instance);
  expect(await harness.untilFinished(operation)).toMatchObject({ state: 'succeeded' });
  await worker.stop(1000);
  return harness.binding(binding);
}

const nameOf = ({ kind, metadata }: KubeObject) => `${kind} ${metadata.name}`;
const objectNames = (instance: ServiceInstance) => harness.objectsOf(instance).map(nameOf);

/** The inventory holds exactly the objects there are, under the uids they have. */
async function expectTrueInventory(instance: ServiceInstance): Promise<void> {
  const inventory = (await harness.inventoryOf(instance)).map(({ kind, name, objectUid }) => [
    kind,
    name,
    objectUid,
  ]);
  const objects = harness
    .objectsOf(instance)
    .filter(({ metadata }) => metadata.namespace !== appNamespace)
    .map(({ kind, metadata }) => [kind, metadata.name, metadata.uid]);
  expect(inventory.toSorted()).toEqual(objects.toSorted());
}

function expectEndedOnce(operation: Operation): void {
  expect(harness.eventsOf('operationSucceeded', operation).length).toBeLessThanOrEqual(1);
  expect(harness.eventsOf('operationFailed', operation)).toEqual([]);
}

describe('a worker is killed', () => {
  describe('while it provisions, and another one ends the operation with one set of objects:', () => {
    test.each(rows('provision'))('%s %s', async (when: When, step) => {
      const { instance, operation } = await harness.provision();
      const before = await surviveCrash(operation, new CrashPoint(step, when), instance);

      const { externalName } = instance;
      expect(objectNames(instance)).toEqual([
        `Namespace ${instance.namespace}`,
        `Secret ${externalName}-admin`,
        `PersistentVolumeClaim ${externalName}-server`,
        `Service ${externalName}-server`,
        `StatefulSet ${externalName}-server`,
      ]);
      for (const object of harness.objectsOf(instance)) {
        expect(object.metadata.uid).toBe(before.get(nameOf(object)) ?? object.metadata.uid);
      }
      await expectTrueInventory(instance);
      expect((await harness.instance(instance)).state).toBe('ready');
      expectEndedOnce(operation);
    });
  });

  describe('while it binds, and another one ends the operation with one login and one delivery:', () => {
    let instance: ServiceInstance;
    beforeAll(async () => {
      instance = await provisioned();
    });
    test.each(rows('bind'))('%s %s', async (when: When, step) => {
      const { binding, operation } = await harness.bind(instance);
      await surviveCrash(operation, new CrashPoint(step, when), instance);

      const { state, externalName, credentials, password } = await harness.binding(binding);
      expect(state).toBe('bound');
      expect(harness.provider.logins).toContain(externalName);
      expect(present(credentials).reveal()).toMatchObject({
        username: externalName,
        password: password.reveal(),
      });
      const delivered = harness.objectsOf(instance).filter(({ metadata }) => metadata.name === externalName);
      expect(delivered.map(({ kind }) => kind)).toEqual(['Secret', 'ConfigMap']);
      expect(delivered[0]?.data).toMatchObject({
        password: Buffer.from(password.reveal()).toString('base64'),
      });
      expectEndedOnce(operation);
    });
  });

  describe('while it unbinds, and another one leaves nothing of the binding:', () => {
    let instance: ServiceInstance;
    beforeAll(async () => {
      instance = await provisioned();
    });
    test.each(rows('unbind'))('%s %s', async (when: When, step) => {
      const binding = await bound(instance);
      await surviveCrash(await harness.unbind(binding), new CrashPoint(step, when), instance);

      expect((await harness.binding(binding)).state).toBe('unbound');
      expect(harness.provider.logins).not.toContain(binding.externalName);
      expect(objectNames(instance).filter((name) => name.endsWith(binding.externalName))).toEqual([]);
      await expectTrueInventory(instance);
    });
  });

  describe('while it deprovisions, and another one leaves nothing of the instance:', () => {
    test.each(rows('deprovision'))('%s %s', async (when: When, step) => {
      const instance = await provisioned();
      const binding = await bound(instance);
      const operation = await harness.deprovision(instance);
      await surviveCrash(operation, new CrashPoint(step, when), instance);

      expect(objectNames(instance)).toEqual([]);
      expect(await harness.inventoryOf(instance)).toEqual([]);
      expect((await harness.instance(instance)).state).toBe('deprovisioned');
      expect((await harness.binding(binding)).state).toBe('unbound');
      expectEndedOnce(operation);
    });
  });

  test('at no other step than those of the tables above', async () => {
    const point = new CrashPoint();
    startDoomedWorker(point);
    const stepsOf = async (operation: Operation) => {
      expect(await harness.untilFinished(operation)).toMatchObject({ state: 'succeeded' });
      return [...new Set(point.steps.splice(0))];
    };
    const { instance, operation } = await harness.provision();
    expect((await stepsOf(operation)).toSorted()).toEqual(steps.provision.toSorted());
    const { binding, operation: binds } = await harness.bind(instance);
    expect(await stepsOf(binds)).toEqual(steps.bind);
    expect(await stepsOf(await harness.unbind(binding))).toEqual(steps.unbind);
    const another = await harness.bind(instance);
    await stepsOf(another.operation);
    const deprovisions = await harness.deprovision(instance);
    expect((await stepsOf(deprovisions)).toSorted()).toEqual(steps.deprovision.toSorted());
  });
});
