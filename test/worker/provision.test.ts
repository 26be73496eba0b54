// biome-ignore-all lint/suspicious/noTemplateCurlyInString: ${ is the language of templates
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { ServiceInstance } from '../../src/domain/instance.ts';
import type { KubeObject } from '../../src/kube/types.ts';
import { identityLabels, labelKeys } from '../../src/lib/labels.ts';
import { helmResource, serverChart } from '../support/server-plan.ts';
import { present, startWorkerHarness, type WorkerHarness } from '../support/worker-harness.ts';

let harness: WorkerHarness;
beforeAll(async () => {
  // Nothing becomes ready by itself; tests write the status.
  harness = await startWorkerHarness({ cluster: { autoReadyMs: 3_600_000 } });
});
afterAll(() => harness?.close());
beforeEach(() => {
  harness.startWatcher();
  harness.startWorker();
});
afterEach(() => harness.stopAll());

const statefulSet = (name: string, namespace: string) => ({
  ...{ apiVersion: 'apps/v1', kind: 'StatefulSet', namespace, name },
});
const readyStatus = { observedGeneration: 1, replicas: 1, readyReplicas: 1, updatedReplicas: 1 };

function makeReady({ externalName, namespace }: ServiceInstance, resourceId = 'server'): void {
  const name = `${externalName}-${resourceId}`;
  harness.cluster.setStatus(
    { apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace, name },
    { phase: 'Bound' },
  );
  harness.cluster.setStatus(statefulSet(name, namespace), readyStatus);
}

function appliedKinds(instance: ServiceInstance): string[] {
  return harness.cluster.written
    .filter(({ verb, namespace }) => verb === 'apply' && namespace === instance.namespace)
    .map(({ kind }) => kind);
}

describe('a provision', () => {
  test('of a new installation is not held up by kinds that nobody watched before', async () => {
    const started = performance.now();
    const { instance, operation } = await harness.provision();
    await harness.untilDescribed(operation, 'volume is not bound');
    makeReady(instance);
    await harness.untilFinished(operation);
    // The watcher would look by itself, without being told, after 5 s.
    expect(performance.now() - started).toBeLessThan(4_000);
  });

  test('makes the namespace, then the secret, then the chart, each with the identity of instance and resource', async () => {
    const { instance, operation } = await harness.provision();
    await harness.untilDescribed(operation, 'volume is not bound');
    makeReady(instance);
    expect(await harness.untilFinished(operation)).toMatchObject({
      state: 'succeeded',
      description: 'The service instance is ready.',
    });

    const { externalName, namespace } = instance;
    const objects = harness.objectsOf(instance);
    expect(
      objects.map(({ kind, metadata }) => [metadata.labels?.[labelKeys.resource], kind, metadata.name]),
    ).toEqual([
      ['namespace', 'Namespace', namespace],
      ['admin', 'Secret', `${externalName}-admin`],
      ['server', 'PersistentVolumeClaim', `${externalName}-server`],
      ['server', 'Service', `${externalName}-server`],
      ['server', 'StatefulSet', `${externalName}-server`],
    ]);
    for (const { kind, metadata } of objects) {
      expect(metadata.namespace).toBe(kind === 'Namespace' ? undefined : namespace);
      expect(metadata.labels).toMatchObject(
        identityLabels({ installationId: harness.store.installationId, instanceUid: instance.uid }),
      );
    }
    expect(objects[0]?.metadata.labels).toMatchObject({ 'pod-security.kubernetes.io/enforce': 'restricted' });
  });

  test('prepares the server with the generated login, at its Service, and stores the outputs', async () => {
    const { instance, operation } = await harness.provision();
    await harness.untilDescribed(operation, 'volume is not bound');
    expect(harness.provider.callsOf('prepare').filter(isOf(instance))).toEqual([]);
    makeReady(instance);
    await harness.untilFinished(operation);

    const { externalName, namespace } = instance;
    const host = `${externalName}-server.${namespace}.svc`;
    const [prepared] = harness.provider.callsOf('prepare').filter(isOf(instance));
    expect(prepared?.target).toMatchObject({
      address: { host, port: 5432 },
      reach: { host: expect.stringMatching(/^10\.96\./), port: 5432 },
      admin: { username: 'chandler_admin' },
    });
    const secret = present(harness.objectsOf(instance).find(({ kind }) => kind === 'Secret'));
    const { password } = secret.data as { password: string };
    expect(Buffer.from(password, 'base64').toString()).toBe(prepared?.target.admin?.password.reveal());
    expect(await harness.instance(instance)).toMatchObject({ state: 'ready', outputs: { host, port: 5432 } });
  });

  test('asks the API server for nothing while it waits, and goes on by watch events alone', async () => {
    const { instance, operation } = await harness.provision();
    await harness.untilDescribed(operation, 'waiting for PersistentVolumeClaim');
    const name = `${instance.externalName}-server`;
    const before = harness.cluster.requests.length;

    harness.cluster.setStatus(
      { apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace: instance.namespace, name },
      { phase: 'Bound' },
    );
    await harness.untilDescribed(operation, 'waiting for StatefulSet');
    for (let replicas = 2; replicas < 5; replicas += 1) {
      harness.cluster.setStatus(statefulSet(name, instance.namespace), { observedGeneration: 1, replicas });
    }
    const mirrored = async () =>
      (await harness.store.listObserved(instance.uid)).find(({ kind }) => kind === 'StatefulSet')?.object;
    await expect.poll(mirrored).toMatchObject({ status: { replicas: 4 } });
    expect(harness.cluster.requests.slice(before)).toEqual([]);

    harness.cluster.setStatus(statefulSet(name, instance.namespace), readyStatus);
    await harness.untilFinished(operation);
    // The address of the server, looked up to connect to it.
    expect(harness.cluster.requests.slice(before)).toEqual([
      { verb: 'get', reference: expect.objectContaining({ kind: 'Service', name }) },
    ]);
  });
});

function isOf({ externalName }: ServiceInstance) {
  return ({ target }: { target: { instanceName: string } }) => target.instanceName === externalName;
}

describe('resources that read each other', () => {
  const plan = {
    resources: [
      helmResource('first'),
      helmResource('second', { upstream: '${first.services.primary.host}' }),
    ],
    outputs: { host: '${second.services.primary.host}', port: '${first.services.primary.port}' },
    charts: {
      first: serverChart,
      second: ({ releaseName, values }: Parameters<typeof serverChart>[0]): KubeObject[] => [
        { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: releaseName }, data: values },
        ...serverChart({ releaseName, values } as Parameters<typeof serverChart>[0]),
      ],
    },
  };

  test('are made in order, each once what it reads is ready', async () => {
    const { instance, operation } = await harness.provision({ ...plan, bindable: false });
    await harness.untilDescribed(operation, 'first: waiting for PersistentVolumeClaim');
    expect(appliedKinds(instance)).toEqual(['PersistentVolumeClaim', 'Service', 'StatefulSet']);

    makeReady(instance, 'first');
    await harness.untilDescribed(operation, 'second: waiting for PersistentVolumeClaim');
    const configMap = harness.objectsOf(instance).find(({ kind }) => kind === 'ConfigMap');
    expect(configMap?.data).toEqual({
      upstream: `${instance.externalName}-first.${instance.namespace}.svc`,
    });
    makeReady(instance, 'second');
    expect((await harness.untilFinished(operation)).state).toBe('succeeded');
  });

  test('wait for a readyWhen condition to become true, even when all objects are ready', async () => {
    const condition = '${first.services.primary.port == 5432}';
    const { instance, operation } = await harness.provision({
      ...plan,
      bindable: false,
      resources: [helmResource('first', {}, [condition]), ...plan.resources.slice(1)],
      charts: { ...plan.charts, first: (request) => serverChart(request).map(withoutPort) },
    });
    await harness.untilDescribed(operation, 'first: waiting for PersistentVolumeClaim');
    makeReady(instance, 'first');
    await harness.untilDescribed(operation, `first: waiting for ${condition}`);
    expect(appliedKinds(instance)).not.toContain('ConfigMap');

    const service = present(harness.objectsOf(instance).find(({ kind }) => kind === 'Service'));
    await harness.cluster.apply({ ...service, spec: { ports: [{ port: 5432 }] } });
    await harness.untilDescribed(operation, 'second: waiting for PersistentVolumeClaim');
    makeReady(instance, 'second');
    expect((await harness.untilFinished(operation)).state).toBe('succeeded');
  });
});

/** A Service that gets its port only later. */
function withoutPort(object: KubeObject): KubeObject {
  return object.kind === 'Service' ? { ...object, spec: { ports: [] } } : object;
}

describe("an object that is somebody else's", () => {
  test('is not adopted: a namespace of the same name', async () => {
    await harness.stopAll();
    const { instance, operation } = await harness.provision();
    harness.cluster.addNamespace(instance.namespace);
    const before = namespaceOf(instance);
    harness.startWorker();
    expect(await harness.untilFinished(operation)).toMatchObject({
      state: 'failed',
      errorCode: 'AdoptionRefused',
      description: `Namespace ${instance.namespace} exists already and does not belong to this service instance.`,
    });
    expect(namespaceOf(instance)).toEqual(before);
    expect((await harness.instance(instance)).state).toBe('provision failed');
  });

  test('is not adopted: an object in the namespace of the instance', async () => {
    const held = harness.cluster.holdNext(({ verb, kind }) => verb === 'apply' && kind === 'Namespace');
    const { instance, operation } = await harness.provision();
    await held.reached;
    const theirs = await harness.cluster.create({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: `${instance.externalName}-server`, namespace: instance.namespace },
      spec: { ports: [{ port: 80 }] },
    });
    held.resume();
    expect(await harness.untilFinished(operation)).toMatchObject({
      state: 'failed',
      errorCode: 'AdoptionRefused',
    });
    const found = harness.cluster.all().find(({ metadata }) => metadata.uid === theirs.metadata.uid);
    expect(found).toEqual(theirs);
  });
});

function namespaceOf({ namespace }: ServiceInstance): KubeObject | undefined {
  return harness.cluster
    .all()
    .find(({ kind, metadata }) => kind === 'Namespace' && metadata.name === namespace);
}
