// biome-ignore-all lint/suspicious/noTemplateCurlyInString: ${ is the language of templates
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { ChandlerError } from '../../src/domain/errors.ts';
import type { ServiceInstance } from '../../src/domain/instance.ts';
import type { Operation } from '../../src/domain/operation.ts';
import type { RenderRequest } from '../../src/helm/types.ts';
import { KubeError, type KubeObject } from '../../src/kube/types.ts';
import { labelKeys } from '../../src/lib/labels.ts';
import { helmResource, serverChart, serverPlan } from '../support/server-plan.ts';
import {
  appNamespace,
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
afterEach(async () => {
  await harness.stopAll();
  harness.provider.before = () => undefined;
});

const [adminSecret] = serverPlan.resources;
/** The server, whose chart takes a size from the plan or the user, and a cache that only one of the plans has. */
const sizes = { cpu: '${plan.cpu}', storage: '${parameters.storage}' };
const server = helmResource('server', { existingSecret: '${admin.name}', ...sizes });
const cache = helmResource('cache', { upstream: '${server.services.primary.host}' });

function sizedChart(request: RenderRequest): KubeObject[] {
  return serverChart(request).map((object) =>
    object.kind === 'StatefulSet'
      ? { ...object, spec: { ...(object.spec as object), ...request.values } }
      : object,
  );
}

function cacheChart({ releaseName: name, values }: RenderRequest): KubeObject[] {
  return [
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: values },
    { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name }, spec: { replicas: 1 } },
  ];
}

const plan = (cpu: string, values: PlanOptions = {}): PlanOptions => ({
  set: { cpu },
  resources: [present(adminSecret), server],
  charts: { server: sizedChart, cache: cacheChart },
  ...values,
});
const withCache = { resources: [present(adminSecret), server, cache] };

async function provisioned(wanted = plan('250m')): Promise<ServiceInstance> {
  const { instance, operation } = await harness.provision(wanted, { storage: '1Gi' });
  expect(await harness.untilFinished(operation)).toMatchObject({ state: 'succeeded' });
  return harness.instance(instance);
}

async function bound(instance: ServiceInstance) {
  const { binding, operation } = await harness.bind(instance);
  expect(await harness.untilFinished(operation)).toMatchObject({ state: 'succeeded' });
  return harness.binding(binding);
}

const statefulSet = (instance: ServiceInstance) =>
  present(harness.objectsOf(instance).find(({ kind }) => kind === 'StatefulSet'));
const objectNames = (instance: ServiceInstance) =>
  harness.objectsOf(instance).map(({ kind, metadata }) => `${kind} ${metadata.labels?.[labelKeys.resource]}`);

async function expectFailed(operation: Operation, values: Partial<Operation>): Promise<void> {
  expect(await harness.untilFinished(operation)).toMatchObject({ state: 'failed', ...values });
}

describe('an update', () => {
  test('applies what the new plan and parameters say to the objects that are there', async () => {
    const before = await provisioned();
    const { uid } = statefulSet(before).metadata;
    const { revision, operation } = await harness.update(before, plan('500m'), { storage: '2Gi' });
    expect(await harness.untilFinished(operation)).toMatchObject({
      ...{ state: 'succeeded', description: 'The service instance is updated.' },
    });
    const { metadata, spec } = statefulSet(before);
    expect(spec).toMatchObject({ cpu: '500m', storage: '2Gi' });
    expect(metadata).toMatchObject({ uid, generation: 2 });
    expect(await harness.instance(before)).toMatchObject({
      ...{ state: 'ready', usable: true, planId: revision.planId, planRevision: revision.digest },
      ...{ parameters: { storage: '2Gi' }, outputs: before.outputs, externalName: before.externalName },
    });
    const prepared = harness.provider
      .callsOf('prepare')
      .filter(({ target }) => target.instanceName === before.externalName);
    expect(prepared).toHaveLength(2);
  });

  test('asks the API server for nothing of what stays as it is; the namespace says the new plan', async () => {
    const instance = await provisioned();
    const before = harness.cluster.written.length;
    await harness.untilFinished((await harness.update(instance, plan('500m'))).operation);
    // The namespace says which plan revision its instance is made of.
    expect(harness.cluster.written.slice(before)).toMatchObject([
      { verb: 'apply', kind: 'Namespace' },
      { verb: 'apply', kind: 'StatefulSet' },
    ]);
  });

  test('makes what the plan has more, and keeps the passwords that were made for the instance', async () => {
    const instance = await provisioned();
    const secret = harness.objectsOf(instance).find(({ kind }) => kind === 'Secret');
    const { operation } = await harness.update(instance, plan('250m', withCache));
    expect(await harness.untilFinished(operation)).toMatchObject({ state: 'succeeded' });
    expect(objectNames(instance)).toEqual(expect.arrayContaining(['ConfigMap cache', 'Deployment cache']));
    expect(harness.objectsOf(instance).find(({ kind }) => kind === 'Secret')).toEqual(secret);
  });

  test('removes what the plan no longer has, and is not over before it is gone', async () => {
    const instance = await provisioned(plan('250m', withCache));
    const deployment = present(harness.objectsOf(instance).find(({ kind }) => kind === 'Deployment'));
    const { name, namespace = '' } = deployment.metadata;
    const reference = { apiVersion: 'apps/v1', kind: 'Deployment', name, namespace };
    await harness.cluster.apply({
      ...deployment,
      metadata: { ...deployment.metadata, finalizers: ['test/hold'] },
    });

    const { operation } = await harness.update(instance, plan('500m'));
    await harness.untilDescribed(operation, 'waiting until 1 object of the service instance is deleted');
    expect(statefulSet(instance).spec).toMatchObject({ cpu: '500m' });
    harness.cluster.removeFinalizers(reference);
    expect(await harness.untilFinished(operation)).toMatchObject({ state: 'succeeded' });
    expect(objectNames(instance).filter((object) => object.endsWith('cache'))).toEqual([]);
    const inventory = (await harness.inventoryOf(instance)).map(({ resourceId }) => resourceId);
    expect([...new Set(inventory)]).toEqual(['namespace', 'admin', 'server']);
  });

  test('removes an object that a resource no longer renders, after it applied the others', async () => {
    const instance = await provisioned();
    const withoutClaim = (request: RenderRequest) =>
      sizedChart(request).filter(({ kind }) => kind !== 'PersistentVolumeClaim');
    const before = harness.cluster.written.length;
    const { operation } = await harness.update(instance, plan('500m', { charts: { server: withoutClaim } }));
    expect(await harness.untilFinished(operation)).toMatchObject({ state: 'succeeded' });
    const written = harness.cluster.written.slice(before).map(({ verb, kind }) => `${verb} ${kind}`);
    expect([...new Set(written)]).toEqual([
      'apply Namespace',
      'apply StatefulSet',
      'delete PersistentVolumeClaim',
    ]);
    expect((await harness.inventoryOf(instance)).map(({ kind }) => kind)).not.toContain(
      'PersistentVolumeClaim',
    );
  });

  test('shows the old values until it is over', async () => {
    const before = await provisioned();
    const held = harness.cluster.holdNext(({ verb, kind }) => verb === 'apply' && kind === 'StatefulSet');
    const { revision, operation } = await harness.update(before, plan('500m'), { storage: '2Gi' });
    await held.reached;
    const { updatedAt: _at, state, ...during } = await harness.instance(before);
    expect(state).toBe('updating');
    expect(before).toMatchObject(during);
    held.resume();
    await harness.untilFinished(operation);
    expect((await harness.instance(before)).planId).toBe(revision.planId);
  });

  test('does not take a sighting from before its change for the result', async () => {
    const instance = await provisioned();
    // The watcher stands still: what it knows of the server is ready, and old.
    await harness.stopAll();
    harness.startWorker();
    const { operation } = await harness.update(instance, plan('500m'));
    await harness.untilDescribed(operation, 'its last change was not seen yet');
    harness.startWatcher();
    expect(await harness.untilFinished(operation)).toMatchObject({ state: 'succeeded' });
  });

  test('lets a bind wait that comes meanwhile, which then finds the updated instance', async () => {
    const instance = await provisioned();
    const held = harness.cluster.holdNext(({ verb, kind }) => verb === 'apply' && kind === 'StatefulSet');
    const { operation } = await harness.update(instance, plan('500m'));
    await held.reached;
    const { binding, operation: binds } = await harness.bind(instance);
    await harness.untilDescribed(binds, 'waiting for the service instance');
    held.resume();
    expect(await harness.untilFinished(operation)).toMatchObject({ state: 'succeeded' });
    expect(await harness.untilFinished(binds)).toMatchObject({ state: 'succeeded' });
    expect(harness.provider.logins).toContain(binding.externalName);
  });
});

describe('an update that fails', () => {
  const refuse = (kind: string) =>
    harness.cluster.failNext(
      ({ verb, reference }) => verb === 'apply' && reference.kind === kind,
      new KubeError(422, 'Invalid', 'no'),
    );

  test('keeps the old values; an instance of which everything runs stays usable, and may try again', async () => {
    const before = await provisioned();
    refuse('StatefulSet');
    const { operation } = await harness.update(before, plan('500m'), { storage: '2Gi' });
    await expectFailed(operation, {
      ...{ errorCode: 'ApplyRejected', instanceUsable: true, updateRepeatable: true },
    });
    const { planId, planRevision, parameters, outputs } = before;
    expect(await harness.instance(before)).toMatchObject({
      ...{ state: 'update failed', usable: true, planId, planRevision, parameters, outputs },
    });
    await bound(before);

    const { revision, operation: again } = await harness.update(before, plan('500m'), { storage: '2Gi' });
    expect(await harness.untilFinished(again)).toMatchObject({ state: 'succeeded' });
    expect(await harness.instance(before)).toMatchObject({
      ...{ state: 'ready', usable: true, planId: revision.planId },
    });
  });

  test('over an object that the old plan does not have leaves what runs usable', async () => {
    const instance = await provisioned();
    refuse('ConfigMap');
    const { operation } = await harness.update(instance, plan('250m', withCache));
    await expectFailed(operation, { instanceUsable: true });
  });

  test('because its time is over, while what it changed does not come up, brings back the version before', async () => {
    const instance = await provisioned();
    // Nobody gives it an address.
    const behindLoadBalancer = (request: RenderRequest) =>
      sizedChart(request).map((object) =>
        object.kind === 'Service' ? { ...object, spec: { type: 'LoadBalancer' } } : object,
      );
    const { operation } = await harness.update(
      instance,
      plan('250m', {
        charts: { server: behindLoadBalancer },
        policy: { allow: ['LoadBalancer'] },
        timeouts: { update: 1 },
      }),
    );
    await expectFailed(operation, {
      ...{ errorCode: 'DeadlineExceeded', instanceUsable: true, updateRepeatable: true },
      description: expect.stringMatching(/back on the version before the update\.$/),
    });
    expect(await harness.instance(instance)).toMatchObject({ state: 'update failed', usable: true });

    const { operation: mends } = await harness.update(instance, plan('500m'));
    expect(await harness.untilFinished(mends)).toMatchObject({ state: 'succeeded' });
    expect(await harness.instance(instance)).toMatchObject({ state: 'ready', usable: true });
  });

  test('is taken back by another worker when the one that began with it dies', async () => {
    const instance = await provisioned();
    let calls = 0;
    harness.provider.before = (verb) => {
      if (verb !== 'prepare') return undefined;
      calls += 1;
      if (calls === 1) throw new ChandlerError('CredentialsRejected', { sentence: 'No.' });
      return new Promise(() => undefined);
    };
    const { operation } = await harness.update(instance, plan('500m', withCache));
    await harness.untilDescribed(operation, /^No\. Restoring the version before: /);
    await expect.poll(() => calls).toBe(2);
    await harness.stopAll();
    await harness.expireLeases();
    harness.provider.before = () => undefined;
    harness.startWatcher();
    harness.startWorker();
    await expectFailed(operation, {
      ...{ errorCode: 'CredentialsRejected', instanceUsable: true, updateRepeatable: true },
      description: 'No. The service instance is back on the version before the update.',
    });
    expect(statefulSet(instance).spec).toMatchObject({ cpu: '250m' });
    expect(objectNames(instance).filter((object) => object.endsWith('cache'))).toEqual([]);
    expect(await harness.instance(instance)).toMatchObject({ planId: instance.planId, usable: true });
  });

  test('because the server refuses says so, and a bind afterwards finds the instance usable', async () => {
    const instance = await provisioned();
    harness.provider.before = (verb) => {
      if (verb === 'prepare') throw new ChandlerError('CredentialsRejected');
    };
    const { operation } = await harness.update(instance, plan('500m'));
    await expectFailed(operation, { errorCode: 'CredentialsRejected', instanceUsable: true });
    harness.provider.before = () => undefined;
    await bound(instance);
  });
});

describe('a deprovision during an update', () => {
  test.each(['StatefulSet', 'ConfigMap'])(
    'leaves nothing when it comes while the worker applies the %s',
    async (kind) => {
      const instance = await provisioned();
      const binding = await bound(instance);
      const held = harness.cluster.holdNext(
        (write) => write.verb === 'apply' && write.kind === kind && write.namespace !== appNamespace,
      );
      const { operation } = await harness.update(instance, plan('500m', withCache));
      await held.reached;
      const deprovisions = await harness.deprovision(instance);
      await expectFailed(operation, { errorCode: 'Cancelled' });
      held.resume();
      expect(await harness.untilFinished(deprovisions)).toMatchObject({ state: 'succeeded' });
      expect(harness.objectsOf(instance)).toEqual([]);
      expect(await harness.inventoryOf(instance)).toEqual([]);
      expect((await harness.instance(instance)).state).toBe('deprovisioned');
      expect(harness.provider.logins).not.toContain(binding.externalName);
    },
  );
});
