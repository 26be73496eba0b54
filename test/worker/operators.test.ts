// biome-ignore-all lint/suspicious/noTemplateCurlyInString: ${ is the language of templates
/** Custom resources whose operator is played by the test. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { ServiceInstance } from '../../src/domain/instance.ts';
import type { ResourceSpec } from '../../src/domain/offering.ts';
import { serverBind } from '../support/server-plan.ts';
import { type PlanOptions, startWorkerHarness, type WorkerHarness } from '../support/worker-harness.ts';

const kind = { apiVersion: 'db.example.com/v1', kind: 'Database' };
let harness: WorkerHarness;
beforeAll(async () => {
  harness = await startWorkerHarness();
  harness.cluster.addKind(kind, { namespaced: true });
});
afterAll(() => harness?.close());
beforeEach(() => {
  harness.startWatcher();
  harness.startWorker();
});
afterEach(() => harness.stopAll());

const admin: ResourceSpec = {
  id: 'admin',
  kind: 'secret',
  data: { username: 'chief', password: '${generated.admin.password}' },
  readyWhen: [],
};
const database: ResourceSpec = {
  id: 'db',
  kind: 'manifest',
  objects: [{ ...kind, spec: { admin: '${admin.name}', size: '${plan.size}' } }],
  readyWhen: ["${db.status.phase == 'Ready'}"],
};
const login: ResourceSpec = {
  id: 'login',
  kind: 'read',
  object: { apiVersion: 'v1', kind: 'Secret', name: '${db.name}-login' },
  readyWhen: [],
};
const operated: PlanOptions = {
  resources: [admin, database, login],
  set: { size: '1Gi' },
  outputs: { host: '${db.status.host}', port: 5432 },
  bind: { ...serverBind, admin: 'login' },
};

const referenceOf = ({ externalName, namespace }: ServiceInstance) => ({
  ...kind,
  namespace,
  name: `${externalName}-db`,
});

/** Asks for an instance whose database is this object alone, of which nothing is told. */
const provisionOf = (object: { apiVersion: string; kind: string }) =>
  harness.provision({
    ...operated,
    resources: [{ ...database, objects: [object] } as ResourceSpec],
    outputs: {},
    bindable: false,
  });

/** What an operator does once it took notice. */
async function operate(instance: ServiceInstance): Promise<void> {
  const { externalName, namespace } = instance;
  await harness.cluster.create({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      name: `${externalName}-db-login`,
      namespace,
      labels: { 'db.example.com/of': `${externalName}-db` },
    },
    data: Object.fromEntries(
      Object.entries({ username: 'operator', password: 'made-by-the-operator', database: 'app' }).map(
        ([key, text]) => [key, Buffer.from(text).toString('base64')],
      ),
    ),
  });
  await harness.cluster.create({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      name: `${externalName}-db`,
      namespace,
      labels: { 'db.example.com/of': `${externalName}-db` },
    },
    spec: { ports: [{ port: 5432 }] },
  });
  harness.cluster.setStatus(referenceOf(instance), {
    phase: 'Ready',
    host: `${externalName}-db.${namespace}.svc`,
    conditions: [{ type: 'Ready', status: 'True' }],
  });
}

async function made() {
  const { instance, operation } = await harness.provision(operated);
  await expect
    .poll(async () => (await harness.store.findOperation(operation.uid))?.description, { timeout: 10_000 })
    .toContain('db: waiting for');
  return { instance, operation };
}

describe('a custom resource', () => {
  test('is waited for until its condition holds, though it exists', async () => {
    const { instance, operation } = await made();
    harness.cluster.setStatus(referenceOf(instance), { phase: 'Creating' });
    await expect
      .poll(async () => (await harness.store.findOperation(operation.uid))?.description, { timeout: 10_000 })
      .toContain("db: waiting for ${db.status.phase == 'Ready'}");
    await operate(instance);
    expect(await harness.untilFinished(operation)).toMatchObject({ state: 'succeeded' });
  });

  test('gives outputs from its status', async () => {
    const { instance, operation } = await made();
    await operate(instance);
    await harness.untilFinished(operation);
    expect((await harness.instance(instance)).outputs).toEqual({
      host: `${instance.externalName}-db.${instance.namespace}.svc`,
      port: 5432,
    });
  });

  test('is bound to as the admin whose Secret the operator made', async () => {
    const { instance, operation } = await made();
    await operate(instance);
    await harness.untilFinished(operation);
    const bound = await harness.bind(await harness.instance(instance));
    expect(await harness.untilFinished(bound.operation)).toMatchObject({ state: 'succeeded' });
    expect(harness.provider.calls.at(-1)?.target.admin?.username).toBe('operator');
  });

  test('goes before what was made ahead of it, when its finalizers are done', async () => {
    const { instance, operation } = await made();
    await operate(instance);
    await harness.untilFinished(operation);
    harness.cluster.edit(referenceOf(instance), ({ metadata }) => {
      metadata.finalizers = ['db.example.com/clean-up'];
    });
    const removal = await harness.deprovision(await harness.instance(instance));
    await expect
      .poll(async () => (await harness.cluster.get(referenceOf(instance)))?.metadata.deletionTimestamp)
      .toBeDefined();
    const secret = { apiVersion: 'v1', kind: 'Secret', namespace: instance.namespace };
    expect(
      (await harness.cluster.get({ ...secret, name: `${instance.externalName}-admin` }))?.metadata
        .deletionTimestamp,
    ).toBeUndefined();
    harness.cluster.removeFinalizers(referenceOf(instance));
    expect(await harness.untilFinished(removal)).toMatchObject({ state: 'succeeded' });
    expect(harness.cluster.all().filter(({ metadata }) => metadata.namespace === instance.namespace)).toEqual(
      [],
    );
  });

  test('with a name of its own goes with what its operator labelled by that name', async () => {
    const { instance, operation } = await harness.provision({
      resources: [
        { ...database, objects: [{ ...kind, metadata: { name: '${instance.name}-pg' } }], readyWhen: [] },
      ] as ResourceSpec[],
      outputs: {},
      bindable: false,
    });
    expect(await harness.untilFinished(operation)).toMatchObject({ state: 'succeeded' });
    const { externalName, namespace } = instance;
    await harness.cluster.create({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'left', namespace, labels: { 'db.example.com/of': `${externalName}-pg` } },
    });
    const removal = await harness.deprovision(await harness.instance(instance));
    expect(await harness.untilFinished(removal)).toMatchObject({ state: 'succeeded' });
  });

  test('that is only read fails at once as well when the cluster does not have its kind', async () => {
    const { operation } = await harness.provision({
      resources: [
        { ...login, object: { apiVersion: 'no.example.com/v1', kind: 'Nothing', name: 'x' } },
      ] as ResourceSpec[],
      outputs: {},
      bindable: false,
    });
    expect(await harness.untilFinished(operation)).toMatchObject({ errorCode: 'OperatorMissing' });
  });

  test('of a kind that the cluster has in another version only fails at once, and says so', async () => {
    const { operation } = await provisionOf({ ...kind, apiVersion: 'db.example.com/v2' });
    expect(await harness.untilFinished(operation)).toMatchObject({
      state: 'failed',
      errorCode: 'OperatorMissing',
      description:
        'The cluster has no kind Database in db.example.com/v2, but in db.example.com/v1. Its CustomResourceDefinition is of another version, and Chandler changes none that stands. Ask the admin of the cluster for one that serves db.example.com/v2, then try again.',
    });
  });

  test('of a kind that the cluster does not have fails at once, and says who must act', async () => {
    const { operation } = await provisionOf({ apiVersion: 'no.example.com/v1', kind: 'Nothing' });
    expect(await harness.untilFinished(operation)).toMatchObject({
      state: 'failed',
      errorCode: 'OperatorMissing',
      description:
        'The cluster has no kind Nothing in no.example.com/v1. The operator that brings it is not installed. Ask the admin of the cluster to install it, then try again.',
    });
  });
});
