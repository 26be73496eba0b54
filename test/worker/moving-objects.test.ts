// biome-ignore-all lint/suspicious/noTemplateCurlyInString: ${ is the language of templates
/** Objects that an update writes otherwise: in another version of their kind, or under another resource. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { ServiceInstance } from '../../src/domain/instance.ts';
import type { ResourceSpec } from '../../src/domain/offering.ts';
import type { JsonObject } from '../../src/lib/json.ts';
import { type PlanOptions, startWorkerHarness, type WorkerHarness } from '../support/worker-harness.ts';

let harness: WorkerHarness;
beforeAll(async () => {
  harness = await startWorkerHarness();
  for (const version of ['v1beta1', 'v1']) {
    harness.cluster.addKind(
      { apiVersion: `db.example.com/${version}`, kind: 'Database' },
      { namespaced: true },
    );
  }
});
afterAll(() => harness?.close());
beforeEach(() => {
  harness.startWatcher();
  harness.startWorker();
});
afterEach(() => harness.stopAll());

const volume = {
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name: '${instance.name}-data' },
};
const config = { apiVersion: 'v1', kind: 'ConfigMap', data: { a: '1' } };
const manifest = (id: string, ...objects: JsonObject[]): ResourceSpec => ({
  id,
  kind: 'manifest',
  objects,
  readyWhen: [],
});
const plan = (...resources: ResourceSpec[]): PlanOptions => ({ resources, bindable: false, outputs: {} });

async function provisioned(wanted: PlanOptions): Promise<ServiceInstance> {
  const { instance, operation } = await harness.provision(wanted);
  expect(await harness.untilFinished(operation)).toMatchObject({ state: 'succeeded' });
  return harness.instance(instance);
}

async function updated(instance: ServiceInstance, wanted: PlanOptions) {
  const { operation } = await harness.update(instance, wanted);
  return harness.untilFinished(operation);
}

const claimsOf = (instance: ServiceInstance) =>
  harness.objectsOf(instance).filter(({ kind }) => kind === 'PersistentVolumeClaim');

test.each([
  [
    'to a resource that comes after',
    plan(manifest('a', volume, config), manifest('b', config)),
    plan(manifest('a', config), manifest('b', volume, config)),
  ],
  [
    'to a resource that comes before',
    plan(manifest('a', config), manifest('b', volume, config)),
    plan(manifest('a', volume, config), manifest('b', config)),
  ],
  ['with the name of its resource', plan(manifest('a', volume)), plan(manifest('b', volume))],
])('an object that moves %s stays', async (_, before, after) => {
  const instance = await provisioned(before);
  const uids = claimsOf(instance).map(({ metadata }) => metadata.uid);
  expect(await updated(instance, after)).toMatchObject({ state: 'succeeded' });
  expect(claimsOf(instance).map(({ metadata }) => metadata.uid)).toEqual(uids);
  expect(
    (await harness.inventoryOf(instance)).filter(({ kind }) => kind === 'PersistentVolumeClaim'),
  ).toHaveLength(1);
});

test('an object stays while the resource that may have it now waits for a value', async () => {
  const instance = await provisioned(plan(manifest('a', volume)));
  const heir = manifest('b', { ...volume, spec: { of: '${a.spec.of}' } });
  const { operation } = await harness.update(instance, plan(manifest('a', config), heir));
  await expect
    .poll(async () => (await harness.store.findOperation(operation.uid))?.description, { timeout: 10_000 })
    .toContain('b: waiting for a value');
  expect(claimsOf(instance)).toHaveLength(1);
});

test('an object that no resource has any more goes in the end', async () => {
  const instance = await provisioned(plan(manifest('a', volume, config), manifest('b', config)));
  expect(await updated(instance, plan(manifest('a', config), manifest('b', config)))).toMatchObject({
    state: 'succeeded',
  });
  expect(claimsOf(instance)).toEqual([]);
  expect((await harness.inventoryOf(instance)).map(({ kind }) => kind).sort()).toEqual([
    'ConfigMap',
    'ConfigMap',
    'Namespace',
  ]);
});

test('an object in a newer version of its kind is the same object', async () => {
  const database = (version: string) =>
    manifest('db', { apiVersion: `db.example.com/${version}`, kind: 'Database', spec: { size: 1 } });
  const instance = await provisioned(plan(database('v1beta1')));
  const found = () => harness.objectsOf(instance).filter(({ kind }) => kind === 'Database');
  const [before] = found();
  expect(await updated(instance, plan(database('v1')))).toMatchObject({ state: 'succeeded' });
  expect(found()).toMatchObject([
    { apiVersion: 'db.example.com/v1', metadata: { uid: before?.metadata.uid } },
  ]);
  const items = (await harness.inventoryOf(instance)).filter(({ kind }) => kind === 'Database');
  expect(items).toMatchObject([{ apiVersion: 'db.example.com/v1', objectUid: before?.metadata.uid }]);
});

test.each([
  ['side by side', { ...volume }],
  ['one after the other', { ...volume, spec: { of: '${a.name}' } }],
])('two resources that make one object %s are refused', async (_, second) => {
  const { operation } = await harness.provision(plan(manifest('a', volume), manifest('b', second)));
  expect(await harness.untilFinished(operation)).toMatchObject({
    ...{ state: 'failed', errorCode: 'ApplyRejected' },
    description: expect.stringMatching(
      /^The resources a and b of the plan make the same object, PersistentVolumeClaim i-/,
    ) as string,
  });
});

test("no resource makes the namespace of the instance, whose labels are not the plan's to say", async () => {
  const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: '${instance.namespace}' } };
  const policy = { clusterScoped: ['Namespace'] };
  const { operation } = await harness.provision({ ...plan(manifest('a', namespace)), policy });
  expect(await harness.untilFinished(operation)).toMatchObject({
    ...{ state: 'failed', errorCode: 'ApplyRejected' },
    description: expect.stringContaining('The resources namespace and a of the plan') as string,
  });
});
