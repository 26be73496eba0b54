import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { ChandlerError, type ErrorCode } from '../../src/domain/errors.ts';
import type { ServiceInstance } from '../../src/domain/instance.ts';
import { KubeError } from '../../src/kube/types.ts';
import type { ClusterWrite } from '../support/hooked-cluster.ts';
import { appNamespace, present, startWorkerHarness, type WorkerHarness } from '../support/worker-harness.ts';

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

async function provisioned(): Promise<ServiceInstance> {
  const { instance, operation } = await harness.provision();
  expect(await harness.untilFinished(operation)).toMatchObject({ state: 'succeeded' });
  return harness.instance(instance);
}

async function bound(instance: ServiceInstance) {
  const { binding, operation } = await harness.bind(instance);
  expect(await harness.untilFinished(operation)).toMatchObject({ state: 'succeeded' });
  return harness.binding(binding);
}

/** A bind whose login was made and whose delivery failed. */
async function failedBind(instance: ServiceInstance) {
  const { binding, operation } = await harness.bind(instance, 'nowhere');
  expect(await harness.untilFinished(operation)).toMatchObject({ state: 'failed' });
  return binding;
}

async function expectNothingLeft(instance: ServiceInstance): Promise<void> {
  expect(harness.objectsOf(instance)).toEqual([]);
  expect(harness.cluster.all().filter(({ metadata }) => metadata.namespace === instance.namespace)).toEqual(
    [],
  );
  expect(await harness.inventoryOf(instance)).toEqual([]);
  expect((await harness.instance(instance)).state).toBe('deprovisioned');
  expect(
    await harness.query(`select type from operations where state = 'in progress' and instance_uid = $1`, [
      instance.uid,
    ]),
  ).toEqual([]);
}

describe('a deprovision', () => {
  test('removes the objects, last made first, and then the namespace', async () => {
    const instance = await provisioned();
    const before = harness.cluster.written.length;
    expect(await harness.untilFinished(await harness.deprovision(instance))).toMatchObject({
      ...{ state: 'succeeded', description: 'The service instance is gone.' },
    });
    await expectNothingLeft(instance);
    const deleted = harness.cluster.written.slice(before).map(({ verb, kind }) => `${verb} ${kind}`);
    expect([...new Set(deleted)]).toEqual([
      'delete StatefulSet',
      'delete Service',
      'delete PersistentVolumeClaim',
      'delete Secret',
      'delete Namespace',
    ]);
  });

  test('keeps the namespace until the last pod is gone', async () => {
    const instance = await provisioned();
    const { namespace } = instance;
    const pod = { apiVersion: 'v1', kind: 'Pod', namespace, name: `${instance.externalName}-server-0` };
    const { labels } = present(
      harness.objectsOf(instance).find(({ kind }) => kind === 'StatefulSet'),
    ).metadata;
    const metadata = { name: pod.name, namespace, ...(labels === undefined ? {} : { labels }) };
    await harness.cluster.create({ apiVersion: 'v1', kind: 'Pod', metadata, spec: {} });
    const seen = async () => (await harness.store.listObserved(instance.uid)).map(({ kind }) => kind);
    await expect.poll(seen).toContain('Pod');

    const operation = await harness.deprovision(instance);
    await harness.untilDescribed(operation, 'waiting until 1 object of the service instance is deleted');
    expect(harness.objectsOf(instance).map(({ kind }) => kind)).toEqual(['Namespace', 'Pod']);
    harness.cluster.vanish(pod);
    expect(await harness.untilFinished(operation)).toMatchObject({ state: 'succeeded' });
    await expectNothingLeft(instance);
  });

  test('unbinds the bindings that are left and withdraws their Secrets', async () => {
    const instance = await provisioned();
    const bindings = [await bound(instance), await bound(instance)];
    await harness.untilFinished(await harness.deprovision(instance));
    await expectNothingLeft(instance);
    for (const binding of bindings) expect((await harness.binding(binding)).state).toBe('unbound');
  });

  test('revokes each login and withdraws its Secret before it removes an object of the server', async () => {
    const instance = await provisioned();
    const bindings = [await bound(instance), await bound(instance)];
    const failed = await failedBind(instance);
    const order: string[] = [];
    harness.provider.before = (verb) => void order.push(verb);
    const { beforeWrite } = harness.cluster;
    harness.cluster.beforeWrite = async ({ verb, kind }) => {
      const states = await Promise.all(bindings.map(async (each) => (await harness.binding(each)).state));
      order.push(kind === 'StatefulSet' ? `${verb} ${kind} when ${states.join(', ')}` : `${verb} ${kind}`);
    };
    await harness.untilFinished(await harness.deprovision(instance));
    harness.cluster.beforeWrite = beforeWrite;

    const eachBinding = ['revoke', 'delete Secret', 'delete ConfigMap'];
    expect(order.slice(0, 8)).toEqual([
      ...[...eachBinding, ...eachBinding, 'revoke'],
      'delete StatefulSet when unbound, unbound',
    ]);
    for (const { externalName } of [...bindings, failed]) {
      expect(harness.provider.logins).not.toContain(externalName);
    }
    expect((await harness.binding(failed)).state).toBe('unbound');
  });

  test('that fails after a login died does not leave its binding as if it still worked', async () => {
    const instance = await provisioned();
    const [first, second] = [await bound(instance), await bound(instance)];
    const refusal = new KubeError(403, 'Forbidden', 'secrets is forbidden');
    harness.cluster.failNext(
      ({ verb, reference }) => verb === 'delete' && reference.kind === 'Secret',
      refusal,
    );
    expect(await harness.untilFinished(await harness.deprovision(instance))).toMatchObject({
      state: 'failed',
    });
    expect(harness.provider.logins).not.toContain(first.externalName);
    expect((await harness.binding(first)).state).toBe('unbind failed');
    expect((await harness.binding(second)).state).toBe('bound');

    expect(await harness.untilFinished(await harness.deprovision(instance))).toMatchObject({
      state: 'succeeded',
    });
    await expectNothingLeft(instance);
  });

  test.each<[ErrorCode, number]>([
    // Once is enough to know that nobody answers.
    ['ServerUnreachable', 1],
    ['CredentialsRejected', 2],
    ['ResourceFailed', 2],
  ])(
    'is not held up by a server that meets revokes with %s, since the logins go with it',
    async (code, tries) => {
      const instance = await provisioned();
      const bindings = [await bound(instance), await bound(instance)];
      harness.provider.before = (verb) => {
        if (verb === 'revoke') throw new ChandlerError(code);
      };
      const before = harness.provider.callsOf('revoke').length;
      expect(await harness.untilFinished(await harness.deprovision(instance))).toMatchObject({
        state: 'succeeded',
      });
      await expectNothingLeft(instance);
      for (const binding of bindings) expect((await harness.binding(binding)).state).toBe('unbound');
      // Asked before the removal begins, and not at each of its steps.
      expect(harness.provider.callsOf('revoke').slice(before)).toHaveLength(tries);
    },
  );

  test('that fails before anything went leaves the instance usable, to be bound anew', async () => {
    const instance = await provisioned();
    const theirs = { apiVersion: 'v1', kind: 'ConfigMap', name: 'notes', namespace: instance.namespace };
    const { apiVersion, kind, name, namespace } = theirs;
    await harness.cluster.create({ apiVersion, kind, metadata: { name, namespace } });
    const operation = await harness.untilFinished(await harness.deprovision(instance));
    expect(operation).toMatchObject({ state: 'failed', instanceUsable: true });
    expect(operation.updateRepeatable).toBeUndefined();
    expect(await harness.instance(instance)).toMatchObject({ state: 'deprovision failed', usable: true });
    await bound(instance);
    harness.cluster.vanish(theirs);
    await harness.untilFinished(await harness.deprovision(instance));
    await expectNothingLeft(instance);
  });

  test('that fails after something went leaves the instance of no use, however often it is tried', async () => {
    const instance = await provisioned();
    const refuse = () =>
      harness.cluster.failNext(
        ({ verb, reference }) => verb === 'delete' && reference.kind === 'PersistentVolumeClaim',
        new KubeError(403, 'Forbidden', 'no'),
      );
    for (const _try of [1, 2]) {
      refuse();
      expect(await harness.untilFinished(await harness.deprovision(instance))).toMatchObject({
        ...{ state: 'failed', errorCode: 'ResourceFailed', instanceUsable: false },
      });
      expect(await harness.instance(instance)).toMatchObject({ state: 'deprovision failed', usable: false });
    }
    await harness.untilFinished(await harness.deprovision(instance));
    await expectNothingLeft(instance);
  });

  test('that fails leaves an instance of no use that never came up', async () => {
    harness.provider.before = () => {
      throw new ChandlerError('CredentialsRejected');
    };
    const { instance, operation } = await harness.provision();
    expect(await harness.untilFinished(operation)).toMatchObject({ state: 'failed' });
    const { namespace } = instance;
    await harness.cluster.create({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'theirs', namespace },
    });
    expect(await harness.untilFinished(await harness.deprovision(instance))).toMatchObject({
      ...{ state: 'failed', instanceUsable: false },
    });
  });

  test("names somebody else's object in the namespace and deletes nothing; without it, another one succeeds", async () => {
    const instance = await provisioned();
    const binding = await bound(instance);
    const { namespace } = instance;
    const theirs = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'notes', namespace } };
    await harness.cluster.create(theirs);
    const before = harness.cluster.all();

    expect(await harness.untilFinished(await harness.deprovision(instance))).toMatchObject({
      state: 'failed',
      errorCode: 'ResourceFailed',
      description: `The namespace ${namespace} holds objects that Chandler did not make: ConfigMap notes. Move or delete them, then deprovision again.`,
    });
    expect(harness.cluster.all()).toEqual(before);
    expect((await harness.instance(instance)).state).toBe('deprovision failed');
    expect((await harness.binding(binding)).state).toBe('bound');

    harness.cluster.vanish({ ...theirs, ...theirs.metadata });
    expect(await harness.untilFinished(await harness.deprovision(instance))).toMatchObject({
      state: 'succeeded',
    });
    await expectNothingLeft(instance);
  });

  test('of an instance that never got anything applied asks the API server for nothing', async () => {
    await harness.stopAll();
    const { instance } = await harness.provision();
    const operation = await harness.deprovision(instance);
    const before = harness.cluster.requests.length;
    harness.startWorker();
    expect(await harness.untilFinished(operation)).toMatchObject({ state: 'succeeded' });
    expect(harness.cluster.requests.slice(before)).toEqual([]);
    await expectNothingLeft(instance);
  });

  test("leaves a namespace of the instance's name alone that is somebody else's, with all it holds", async () => {
    await harness.stopAll();
    const { instance, operation } = await harness.provision();
    const { namespace } = instance;
    harness.cluster.addNamespace(namespace);
    await harness.cluster.create({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'theirs', namespace },
    });
    const before = harness.cluster.all();
    harness.startWatcher();
    harness.startWorker();
    expect(await harness.untilFinished(operation)).toMatchObject({ errorCode: 'AdoptionRefused' });
    expect(await harness.untilFinished(await harness.deprovision(instance))).toMatchObject({
      state: 'succeeded',
    });
    expect(harness.cluster.all()).toEqual(before);
    expect((await harness.instance(instance)).state).toBe('deprovisioned');
  });

  test('is not disturbed by an object, or the namespace, that was deleted by hand', async () => {
    const [one, two] = [await provisioned(), await provisioned()];
    harness.cluster.vanish({
      ...{ apiVersion: 'v1', kind: 'Service', namespace: one.namespace, name: `${one.externalName}-server` },
    });
    const namespace = { apiVersion: 'v1', kind: 'Namespace', name: two.namespace };
    const uid = present((await harness.cluster.get(namespace))?.metadata.uid);
    await harness.cluster.delete(namespace, { uid });
    for (const instance of [one, two]) {
      expect(await harness.untilFinished(await harness.deprovision(instance))).toMatchObject({
        state: 'succeeded',
      });
      await expectNothingLeft(instance);
    }
  });

  test('leaves an object alone that was made anew by somebody else under the same name', async () => {
    const instance = await provisioned();
    const name = `${instance.externalName}-server`;
    const reference = { apiVersion: 'v1', kind: 'Service', namespace: instance.namespace, name };
    harness.cluster.vanish(reference);
    const { apiVersion, kind } = reference;
    const metadata = { name, namespace: instance.namespace };
    const { metadata: theirs } = await harness.cluster.create({ apiVersion, kind, metadata, spec: {} });
    const held = harness.cluster.holdNext(({ kind: deleted }) => deleted === 'Namespace');
    const operation = await harness.deprovision(instance);
    await held.reached;
    expect((await harness.cluster.get(reference))?.metadata.uid).toBe(theirs.uid);
    held.resume();
    await harness.untilFinished(operation);
  });

  test('tries an API server again that does not answer', async () => {
    const instance = await provisioned();
    const gone = new KubeError(503, '', 'not now');
    harness.cluster.failNext(({ verb }) => verb === 'delete', gone);
    harness.cluster.failNext(({ verb }) => verb === 'list', gone);
    expect(await harness.untilFinished(await harness.deprovision(instance))).toMatchObject({
      state: 'succeeded',
    });
    await expectNothingLeft(instance);
  });

  test('of an instance whose provision failed removes what it had made', async () => {
    harness.cluster.failNext(
      ({ verb, reference }) => verb === 'apply' && reference.kind === 'StatefulSet',
      new KubeError(422, 'Invalid', 'no'),
    );
    const { instance, operation } = await harness.provision();
    expect(await harness.untilFinished(operation)).toMatchObject({ state: 'failed' });
    await harness.untilFinished(await harness.deprovision(instance));
    await expectNothingLeft(instance);
  });
});

describe('a deprovision during the provision', () => {
  const moments: [string, (write: ClusterWrite) => boolean][] = [
    ['creates the namespace', ({ verb, kind }) => verb === 'create' && kind === 'Namespace'],
    ['applies the namespace', ({ verb, kind }) => verb === 'apply' && kind === 'Namespace'],
    ['applies the secret', ({ verb, kind }) => verb === 'apply' && kind === 'Secret'],
    ['applies the workload', ({ verb, kind }) => verb === 'apply' && kind === 'StatefulSet'],
  ];
  test.each(moments)('leaves nothing when it comes while the worker %s', async (_what, fits) => {
    const held = harness.cluster.holdNext((write) => write.namespace !== appNamespace && fits(write));
    const { instance, operation } = await harness.provision();
    await held.reached;
    const deprovisions = await harness.deprovision(instance);
    expect(await harness.untilFinished(operation)).toMatchObject({
      ...{ state: 'failed', errorCode: 'Cancelled' },
    });
    held.resume();
    expect(await harness.untilFinished(deprovisions)).toMatchObject({ state: 'succeeded' });
    await expectNothingLeft(instance);
    // What the late worker wanted to write down was void.
    expect(harness.eventsOf('leaseLost', operation)).toHaveLength(1);
    expect(await harness.store.findOperation(operation.uid)).toMatchObject({ errorCode: 'Cancelled' });
  });
});
