// biome-ignore-all lint/suspicious/noTemplateCurlyInString: ${ is the language of templates
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { ServiceInstance } from '../../src/domain/instance.ts';
import type { BindSpec, ResourceSpec } from '../../src/domain/offering.ts';
import type { JsonObject } from '../../src/lib/json.ts';
import { noCluster } from '../../src/store/types.ts';
import { CrashPoint } from '../support/crash-point.ts';
import { FakeService } from '../support/fake-kind.ts';
import {
  type PlanOptions,
  present,
  startWorkerHarness,
  type WorkerHarness,
} from '../support/worker-harness.ts';

let harness: WorkerHarness;
let fake: FakeService;
beforeAll(async () => {
  harness = await startWorkerHarness();
});
afterAll(() => harness?.close());
beforeEach(() => {
  fake = new FakeService();
  harness.startWatcher();
  startWorker();
});
afterEach(() => harness.stopAll());

function startWorker(parts: Parameters<WorkerHarness['startWorker']>[0] = {}): void {
  harness.startWorker({ externals: fake.externals, providers: fake.providers, ...parts });
}

const external = (id: string, inputs: JsonObject = {}, provisioner = 'fake'): ResourceSpec => ({
  ...{ id, kind: 'external', provisioner, inputs, readyWhen: [] },
});
const behaviour = {
  milliseconds: '${parameters.milliseconds}',
  removeMilliseconds: '${parameters.removeMilliseconds}',
  fail: '${parameters.fail}',
};
const usual = { milliseconds: 0, removeMilliseconds: 0, fail: '' };
const fakeBind: BindSpec = {
  ...{ engine: 'fake', connectionLimit: -1, rotatable: true, requiresApp: false, attachments: {} },
};

/** One resource, and nothing in a cluster. */
const outside: PlanOptions = {
  resources: [external('server', { ...behaviour, tier: '${plan.tier}' })],
  set: { tier: 'small' },
  outputs: { host: '${server.host}', port: '${server.port}' },
  bind: fakeBind,
};
/** Two of them and a Secret, each of which reads the one before. */
const mixed: PlanOptions = {
  resources: [
    external('server', behaviour),
    { id: 'login', kind: 'secret', data: { host: '${server.host}' }, readyWhen: [] },
    external('index', { secret: '${login.name}', server: '${server.name}' }),
  ],
  outputs: {},
  bindable: false,
};

async function provisioned(plan = outside, parameters: JsonObject = {}): Promise<ServiceInstance> {
  const { instance, operation } = await harness.provision(plan, { ...usual, ...parameters });
  expect(await harness.untilFinished(operation)).toMatchObject({ state: 'succeeded' });
  return harness.instance(instance);
}

const nameOf = ({ externalName }: ServiceInstance, id = 'server') => `${externalName}-${id}`;

describe('an instance that lives outside of clusters', () => {
  test('is made and removed without a question to a cluster', async () => {
    const before = harness.cluster.requests.length;
    const instance = await provisioned();
    expect(instance).toMatchObject({ state: 'ready', outputs: { host: 'fake.example', port: 5432 } });
    expect(await harness.inventoryOf(instance)).toMatchObject([
      {
        ...{ cluster: noCluster, apiVersion: 'chandler.dev/external', kind: 'fake', namespace: '' },
        ...{ name: nameOf(instance), objectUid: nameOf(instance), resourceId: 'server' },
      },
    ]);
    const { operation } = await harness.bind(instance);
    expect(await harness.untilFinished(operation)).toMatchObject({ state: 'succeeded' });
    expect([...fake.logins.values()]).toMatchObject([{ instance: instance.externalName }]);
    const asked = harness.cluster.requests
      .slice(before)
      .filter(({ reference }) => reference.namespace !== 'app');
    expect(asked.filter(({ verb }) => verb !== 'watch')).toEqual([]);

    expect(await harness.untilFinished(await harness.deprovision(instance))).toMatchObject({
      state: 'succeeded',
    });
    expect(fake.effectsOf(nameOf(instance))).toEqual(['provision', 'remove']);
    expect([fake.instances.size, fake.logins.size]).toEqual([0, 0]);
    expect(await harness.inventoryOf(instance)).toEqual([]);
  });

  test('is asked as often as its provisioner says, for no watch tells of it', async () => {
    const started = performance.now();
    const instance = await provisioned(outside, { milliseconds: 200, removeMilliseconds: 200 });
    await harness.untilFinished(await harness.deprovision(instance));
    const tookMs = performance.now() - started;
    expect(tookMs).toBeGreaterThan(400);
    expect(tookMs).toBeLessThan(10_000);
  });

  test('that fails says why', async () => {
    const { instance, operation } = await harness.provision(outside, { ...usual, fail: 'provision' });
    expect(await harness.untilFinished(operation)).toMatchObject({
      ...{ state: 'failed', errorCode: 'ResourceFailed', description: 'server: The fake was told to fail.' },
    });
    await harness.untilFinished(await harness.deprovision(instance));
    expect(fake.instances.size).toBe(0);
  });

  test('of a provisioner that this Chandler does not have is tried again, as a fault of ours', async () => {
    const resources = [external('server', {}, 'constructor')];
    const { operation } = await harness.provision({
      ...{ resources, outputs: {}, bindable: false, timeouts: { provision: 1 } },
    });
    expect(await harness.untilFinished(operation)).toMatchObject({ errorCode: 'DeadlineExceeded' });
    expect(harness.eventsOf('operationRetried', operation)[0]?.fields).toMatchObject({
      errorCode: 'Internal',
    });
  });

  test('is made once by a worker that is killed before it could write that down, and another one', async () => {
    await harness.stopAll();
    const point = new CrashPoint({ verb: 'provision', when: 'before', name: 'record-fake' });
    startWorker(point.parts(harness.store, { owner: 'doomed', leaseSeconds: 15 }));
    const { instance, operation } = await harness.provision(outside, usual);
    await point.reached;
    await harness.expireLeases();
    startWorker();
    expect(await harness.untilFinished(operation)).toMatchObject({ state: 'succeeded' });
    expect(fake.effectsOf(nameOf(instance))).toEqual(['provision']);
  });

  test('leaves nothing when it is deleted while it is made', async () => {
    const { instance, operation } = await harness.provision(outside, { ...usual, milliseconds: 60_000 });
    await harness.untilDescribed(operation, 'not ready yet');
    expect(await harness.untilFinished(await harness.deprovision(instance))).toMatchObject({
      state: 'succeeded',
    });
    expect(fake.effectsOf(nameOf(instance))).toEqual(['provision', 'remove']);
    expect(fake.instances.size).toBe(0);
  });
});

describe('resources inside and outside of clusters', () => {
  test('are made in the order in which they read each other, and removed in the opposite one', async () => {
    const instance = await provisioned(mixed);
    expect(fake.instances.get(nameOf(instance, 'index'))?.inputs).toEqual({
      secret: nameOf(instance, 'login'),
      server: nameOf(instance),
    });
    const secret = present(harness.objectsOf(instance).find(({ kind }) => kind === 'Secret'));
    expect(Buffer.from((secret.data as { host: string }).host, 'base64').toString()).toBe('fake.example');
    expect(harness.objectsOf(instance).map(({ kind }) => kind)).toEqual(['Namespace', 'Secret']);

    const order: string[] = [];
    const { beforeWrite } = harness.cluster;
    harness.cluster.beforeWrite = ({ kind }) =>
      void order.push(`${kind} with ${fake.instances.size} outside`);
    await harness.untilFinished(await harness.deprovision(instance));
    harness.cluster.beforeWrite = beforeWrite;
    expect([order[0], order.at(-1)]).toEqual(['Secret with 1 outside', 'Namespace with 0 outside']);
    expect(await harness.inventoryOf(instance)).toEqual([]);
  });

  test('may change places: a plan without anything in a cluster removes the namespace too', async () => {
    const instance = await provisioned(mixed);
    const { operation } = await harness.update(instance, { ...outside, bindable: false }, usual);
    expect(await harness.untilFinished(operation)).toMatchObject({ state: 'succeeded' });
    expect(harness.objectsOf(instance)).toEqual([]);
    expect([...fake.instances.keys()]).toEqual([nameOf(instance)]);
    expect((await harness.inventoryOf(instance)).map(({ name }) => name)).toEqual([nameOf(instance)]);

    const { operation: back } = await harness.update(await harness.instance(instance), mixed, usual);
    expect(await harness.untilFinished(back)).toMatchObject({ state: 'succeeded' });
    expect(harness.objectsOf(instance).map(({ kind }) => kind)).toEqual(['Namespace', 'Secret']);
  });

  test('of one id may change their kind, and what the other provisioner made is removed', async () => {
    const instance = await provisioned({ ...mixed, resources: [external('server')] });
    const other = new FakeService();
    await harness.stopAll();
    harness.startWatcher();
    startWorker({
      externals: { ...fake.externals, other: present(other.externals.fake) } as typeof fake.externals,
    });
    const moved = { ...mixed, resources: [external('server', {}, 'other')] };
    const { operation } = await harness.update(instance, moved, usual);
    expect(await harness.untilFinished(operation)).toMatchObject({ state: 'succeeded' });
    expect(fake.instances.size).toBe(0);
    expect([...other.instances.keys()]).toEqual([nameOf(instance)]);
    expect(await harness.inventoryOf(instance)).toMatchObject([{ kind: 'other' }]);
  });
});

describe('an update of what lives outside of clusters', () => {
  const larger: PlanOptions = { ...outside, set: { tier: 'large' } };

  test('brings it to the new inputs once', async () => {
    const instance = await provisioned();
    const { operation } = await harness.update(instance, larger, { ...usual, milliseconds: 50 });
    expect(await harness.untilFinished(operation)).toMatchObject({ state: 'succeeded' });
    expect(fake.instances.get(nameOf(instance))?.inputs).toMatchObject({ tier: 'large' });
    expect(fake.effectsOf(nameOf(instance))).toEqual(['provision', 'update']);
  });

  test.each([
    ['update', true],
    ['broken-update', false],
  ])('that fails by %s tells whether the instance can be used: %s', async (fail, usable) => {
    const instance = await provisioned();
    const { operation } = await harness.update(instance, larger, { ...usual, fail });
    expect(await harness.untilFinished(operation)).toMatchObject({
      ...{ state: 'failed', instanceUsable: usable, updateRepeatable: true },
    });
    expect(await harness.instance(instance)).toMatchObject({ state: 'update failed', usable });

    const { operation: mends } = await harness.update(instance, larger, usual);
    expect(await harness.untilFinished(mends)).toMatchObject({ state: 'succeeded' });
    expect(await harness.instance(instance)).toMatchObject({ state: 'ready', usable: true });
  });
});
