// biome-ignore-all lint/suspicious/noTemplateCurlyInString: ${ is the language of templates
/** Releases as operations see them; that helm does as the fake does is shown by test/cluster/release.test.ts. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { ChandlerError } from '../../src/domain/errors.ts';
import type { ServiceInstance } from '../../src/domain/instance.ts';
import { HelmError, type RenderRequest } from '../../src/helm/types.ts';
import type { KubeObject } from '../../src/kube/types.ts';
import { labelKeys } from '../../src/lib/labels.ts';
import { helmResource, serverChart, serverPlan } from '../support/server-plan.ts';
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

/** Something else for the workload. */
const changed = (request: RenderRequest): KubeObject[] =>
  serverChart(request).map((object) =>
    object.kind === 'StatefulSet'
      ? { ...object, spec: { ...(object.spec as object), changed: true } }
      : object,
  );

const workloadOf = (instance: ServiceInstance) =>
  harness.objectsOf(instance).find(({ kind }) => kind === 'StatefulSet');

const recordsOf = ({ namespace }: ServiceInstance) =>
  harness.cluster.list({ apiVersion: 'v1', kind: 'Secret' }, { namespace, labelSelector: 'owner=helm' });

describe('a release whose update fails', () => {
  test('after a killed helm was unlocked is brought back, though its newest record says that it never changed', async () => {
    const instance = await provisioned();
    await harness.stopAll();
    harness.startWatcher();
    const { helm, ...deps } = harness.newDeps();
    let runs = 0;
    const upgrade: typeof helm.upgrade = async (request) => {
      runs += 1;
      if (runs > 2) return helm.upgrade(request);
      if (runs === 2) throw new HelmError('secrets is forbidden: exceeded quota');
      for (const object of request.objects) await harness.cluster.apply(object as unknown as KubeObject);
      await harness.cluster.create({
        ...{ apiVersion: 'v1', kind: 'Secret' },
        metadata: {
          ...{ name: 'pending', namespace: request.namespace },
          labels: { owner: 'helm', name: request.releaseName, version: '2', status: 'pending-upgrade' },
        },
      });
      throw new HelmError('helm failed (SIGKILL)', { died: true });
    };
    harness.startWorker({ ...deps, helm: { ...helm, upgrade } });
    const { operation } = await harness.update(instance, plan({ charts: { server: changed } }));
    expect(await harness.untilFinished(operation)).toMatchObject({
      ...{ state: 'failed', instanceUsable: true },
      description: expect.stringMatching(/exceeded quota.* is back on the version before the update\.$/),
    });
    expect(workloadOf(instance)?.spec).not.toMatchObject({ changed: true });
  });
});

describe('a release whose volume grew', () => {
  const sized = (storage: string) => (request: RenderRequest) =>
    serverChart(request).map((object) =>
      object.kind === 'PersistentVolumeClaim'
        ? { ...object, spec: { resources: { requests: { storage } } } }
        : object,
    );
  const small = plan({ charts: { server: sized('1Gi') } });
  const claimOf = (instance: ServiceInstance) =>
    harness.objectsOf(instance).find(({ kind }) => kind === 'PersistentVolumeClaim');

  test('in an update that failed is brought back but for the volume, and can be updated afterwards', async () => {
    await harness.stopAll();
    const { helm, ...deps } = harness.newDeps();
    // As the API server does.
    const upgrade: typeof helm.upgrade = async (request) => {
      for (const { kind, metadata, spec } of request.objects as unknown as KubeObject[]) {
        if (kind !== 'PersistentVolumeClaim') continue;
        const { name, namespace = '' } = metadata;
        const live = await harness.cluster.get({ apiVersion: 'v1', kind, name, namespace });
        if (JSON.stringify(live?.spec ?? {}).includes('2Gi') && JSON.stringify(spec).includes('1Gi'))
          throw new HelmError('spec.resources.requests.storage: Forbidden: field can not be less');
      }
      return helm.upgrade(request);
    };
    harness.startWatcher();
    harness.startWorker({ ...deps, helm: { ...helm, upgrade } });
    const { instance: made, operation: makes } = await harness.provision(small);
    expect(await harness.untilFinished(makes)).toMatchObject({ state: 'succeeded' });
    const instance = await harness.instance(made);

    harness.provider.before = () => {
      harness.provider.before = () => undefined;
      throw new ChandlerError('CredentialsRejected', { sentence: 'No.' });
    };
    const { operation } = await harness.update(instance, plan({ charts: { server: sized('2Gi') } }));
    expect(await harness.untilFinished(operation)).toMatchObject({
      ...{ state: 'failed', instanceUsable: true },
      description: 'No. The service instance is back on the version before the update.',
    });
    const { operation: next } = await harness.update(instance, small);
    expect(await harness.untilFinished(next)).toMatchObject({ state: 'succeeded' });
    expect(claimOf(instance)?.spec).toEqual({ resources: { requests: { storage: '2Gi' } } });
  });
});

describe('a release whose kinds change', () => {
  test('can be taken away by helm whenever the update is cancelled, for what helm may is taken from it last', async () => {
    const instance = await provisioned();
    const withoutClaim = (request: RenderRequest) =>
      serverChart(request).filter(({ kind }) => kind !== 'PersistentVolumeClaim');
    const mayHelm = () =>
      harness
        .objectsOf(instance)
        .filter(({ kind }) => kind === 'Role')
        .flatMap(({ rules }) => (rules as { resources: string[] }[]).flatMap(({ resources }) => resources));
    const held = harness.cluster.holdNext(({ verb, kind }) => verb === 'apply' && kind === 'StatefulSet');
    const { operation } = await harness.update(instance, plan({ charts: { server: withoutClaim } }));
    await held.reached;
    expect(mayHelm()).toContain('persistentvolumeclaims');
    held.resume();
    expect(await harness.untilFinished(operation)).toMatchObject({ state: 'succeeded' });
    expect(mayHelm()).not.toContain('persistentvolumeclaims');
    expect(namesOf(instance, 'RoleBinding')).toHaveLength(1);
  });
});

describe('a release that becomes objects of Chandler', () => {
  test('leaves nothing of helm, so that a release of the same objects is made anew', async () => {
    const instance = await provisioned();
    const { externalName: name, namespace } = instance;
    const { labels = {} } = present(workloadOf(instance)).metadata;
    const hook = {
      name: `${name}-server-hook`,
      namespace,
      labels,
      annotations: { 'helm.sh/hook': 'post-install' },
    };
    await harness.cluster.create({ apiVersion: 'batch/v1', kind: 'Job', metadata: { ...hook } });
    const rendered = {
      resources: [present(adminSecret), helmResource('server', { existingSecret: 'other' })],
    };
    const { operation } = await harness.update(instance, rendered);
    expect(await harness.untilFinished(operation)).toMatchObject({ state: 'succeeded' });
    expect(await recordsOf(instance)).toEqual([]);
    expect(namesOf(instance, 'Job')).toEqual([]);

    const again = await harness.update(instance, plan());
    expect(await harness.untilFinished(again.operation)).toMatchObject({ state: 'succeeded' });
    expect(workloadOf(instance)?.spec).toMatchObject({
      template: { spec: { existingSecret: `${name}-admin` } },
    });
  });
});
