// biome-ignore-all lint/suspicious/noTemplateCurlyInString: ${ is the language of templates
/** Releases as operations see them; that helm does as the fake does is shown by test/cluster/release.test.ts. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { ServiceInstance } from '../../src/domain/instance.ts';
import { labelKeys } from '../../src/lib/labels.ts';
import { helmResource, serverPlan } from '../support/server-plan.ts';
import {
  type PlanOptions,
  present,
  startWorkerHarness,
  type WorkerHarness,
} from '../support/worker-harness.ts';

let harness: WorkerHarness;
beforeAll(async () => {
  harness = await startWorkerHarness();
});
afterAll(() => harness?.close());
beforeEach(() => {
  harness.startWatcher();
  harness.startWorker();
});
afterEach(() => harness.stopAll());

const [adminSecret] = serverPlan.resources;
const release = {
  ...helmResource('server', { existingSecret: '${admin.name}' }),
  release: { hookTimeout: 60, history: 2 },
};
const plan = (more: PlanOptions = {}): PlanOptions => ({
  resources: [present(adminSecret), release as (typeof serverPlan.resources)[number]],
  ...more,
});

async function provisioned(): Promise<ServiceInstance> {
  const { instance, operation } = await harness.provision(plan());
  expect(await harness.untilFinished(operation)).toMatchObject({ state: 'succeeded' });
  return harness.instance(instance);
}

const namesOf = (instance: ServiceInstance, kind: string) =>
  harness
    .objectsOf(instance)
    .filter((object) => object.kind === kind)
    .map(({ metadata }) => metadata.name);

describe('a release', () => {
  test('is made after the access that helm works with, and every object of it is in the inventory', async () => {
    const instance = await provisioned();
    const { externalName: name } = instance;
    expect(namesOf(instance, 'ServiceAccount')).toEqual([`${name}-server-helm`]);
    const inventory = (await harness.inventoryOf(instance)).filter(
      ({ resourceId }) => resourceId === 'server',
    );
    expect(inventory.map(({ kind }) => kind).sort()).toEqual([
      'PersistentVolumeClaim',
      'Role',
      'RoleBinding',
      'Service',
      'ServiceAccount',
      'StatefulSet',
    ]);
    expect(inventory.every(({ objectUid }) => objectUid !== undefined)).toBe(true);
    const [workload] = harness.objectsOf(instance).filter(({ kind }) => kind === 'StatefulSet');
    expect(workload?.metadata.labels?.[labelKeys.managedBy]).toBe('Helm');
  });

  test('takes over nothing that stood there before it', async () => {
    const bare = { resources: [present(adminSecret)], outputs: {}, bindable: false };
    const first = await harness.provision(bare);
    await harness.untilFinished(first.operation);
    const { externalName, namespace } = await harness.instance(first.instance);
    const name = `${externalName}-server`;
    await harness.cluster.create({ apiVersion: 'v1', kind: 'Service', metadata: { name, namespace } });
    const { operation } = await harness.update(first.instance, plan({ bindable: false }));
    expect(await harness.untilFinished(operation)).toMatchObject({
      state: 'failed',
      errorCode: 'AdoptionRefused',
    });
  });

  test('goes with its instance', async () => {
    const instance = await provisioned();
    expect(await harness.untilFinished(await harness.deprovision(instance))).toMatchObject({
      state: 'succeeded',
    });
    expect(harness.objectsOf(instance)).toEqual([]);
  });

  test('of which something was deleted is whole again after a repair', async () => {
    const instance = await provisioned();
    const [service] = harness.objectsOf(instance).filter(({ kind }) => kind === 'Service');
    const { name, namespace = '', uid = '' } = present(service).metadata;
    await harness.cluster.delete({ apiVersion: 'v1', kind: 'Service', name, namespace }, { uid });
    expect(await harness.untilFinished(await harness.repair(instance))).toMatchObject({ state: 'succeeded' });
    expect(namesOf(instance, 'Service')).toEqual([name]);
  });
});
