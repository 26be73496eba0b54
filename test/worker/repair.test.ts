// biome-ignore-all lint/suspicious/noTemplateCurlyInString: ${ is the language of templates
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { ServiceInstance } from '../../src/domain/instance.ts';
import { KubeError, type KubeObject, type ObjectReference } from '../../src/kube/types.ts';
import type { JsonObject } from '../../src/lib/json.ts';
import { enqueueRepair } from '../../src/store/enqueue-repair.ts';
import { CrashPoint } from '../support/crash-point.ts';
import { serverChart } from '../support/server-plan.ts';
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
});
afterEach(() => harness.stopAll());

async function provisioned(plan: PlanOptions = {}): Promise<ServiceInstance> {
  harness.startWorker();
  const { instance, operation } = await harness.provision(plan);
  expect(await harness.untilFinished(operation)).toMatchObject({ state: 'succeeded' });
  return harness.instance(instance);
}

function objectOf(instance: ServiceInstance, kind: string): KubeObject {
  return present(harness.objectsOf(instance).find((object) => object.kind === kind));
}

function referenceTo({ apiVersion, kind, metadata }: KubeObject): ObjectReference {
  const { namespace = '', name } = metadata;
  return { apiVersion, kind, namespace, name };
}

/** Objects as they should be, by kind: without what the cluster counts and gives by itself. */
function content(instance: ServiceInstance): Record<string, unknown> {
  const objects = harness.objectsOf(instance).map(({ metadata, spec, status: _status, ...rest }) => {
    const { name, namespace, labels, annotations } = metadata;
    const { clusterIP: _given, ...own } = (spec ?? {}) as JsonObject;
    return [rest.kind, { ...rest, metadata: { name, namespace, labels, annotations }, spec: own }];
  });
  return Object.fromEntries(objects);
}

async function repaired(instance: ServiceInstance, request = {}): Promise<void> {
  const operation = await harness.repair(instance, request);
  expect(await harness.untilFinished(operation)).toMatchObject({ state: 'succeeded' });
}

describe('a repair', () => {
  test('puts back what was changed by hand, although the inventory believes that nothing changed', async () => {
    const instance = await provisioned();
    const before = content(instance);
    harness.cluster.edit(referenceTo(objectOf(instance, 'Secret')), (secret) => {
      secret.data = { password: 'changed' };
    });
    harness.cluster.edit(referenceTo(objectOf(instance, 'StatefulSet')), (set) => {
      set.spec = { ...(set.spec as object), replicas: 0 };
      set.metadata.labels = {};
    });
    await repaired(instance);
    expect(content(instance)).toEqual(before);
    expect(await harness.instance(instance)).toMatchObject({ state: 'ready', usable: true });
  });

  test('makes anew what is gone, in dependency order, and keeps the volume', async () => {
    const instance = await provisioned();
    const [before, volume] = [content(instance), objectOf(instance, 'PersistentVolumeClaim')];
    for (const kind of ['Secret', 'Service', 'StatefulSet']) {
      harness.cluster.vanish(referenceTo(objectOf(instance, kind)));
    }
    const from = harness.cluster.written.length;
    await repaired(instance);
    expect(content(instance)).toEqual(before);
    expect(objectOf(instance, 'PersistentVolumeClaim').metadata.uid).toBe(volume.metadata.uid);
    const kinds = harness.cluster.written.slice(from).map(({ kind }) => kind);
    expect(kinds).toEqual(['Namespace', 'Secret', 'PersistentVolumeClaim', 'Service', 'StatefulSet']);
    const uids = harness.objectsOf(instance).map(({ metadata }) => metadata.uid);
    expect((await harness.inventoryOf(instance)).map(({ objectUid }) => objectUid).sort()).toEqual(
      uids.sort(),
    );
  });

  test('takes the place of what stands under the name with our labels, and refuses what is a stranger’s', async () => {
    const instance = await provisioned();
    const service = objectOf(instance, 'Service');
    const { uid: _uid, ...metadata } = service.metadata;
    harness.cluster.vanish(referenceTo(service));
    await harness.cluster.create({ ...service, metadata, spec: { ports: [{ port: 1 }] } });
    await repaired(instance);
    expect(objectOf(instance, 'Service').spec).toMatchObject({ ports: [{ port: 5432 }] });

    harness.cluster.vanish(referenceTo(service));
    await harness.cluster.create({ ...service, metadata: { ...metadata, labels: {} } });
    const refused = await harness.untilFinished(await harness.repair(instance));
    expect(refused).toMatchObject({ state: 'failed', errorCode: 'AdoptionRefused' });
    expect(await harness.instance(instance)).toMatchObject({ state: 'ready', usable: true });
  });

  test('leaves a volume as it is that grew in an update which was taken back', async () => {
    const instance = await provisioned();
    harness.cluster.failNext(
      ({ verb, reference }) => verb === 'apply' && reference.kind === 'PersistentVolumeClaim',
      new KubeError(422, 'Invalid', 'field can not be less than previous value'),
    );
    await repaired(instance);
  });

  test('never makes a volume anew that is gone, unless it is told to', async () => {
    const instance = await provisioned();
    const volume = objectOf(instance, 'PersistentVolumeClaim');
    harness.cluster.vanish(referenceTo(volume));
    harness.cluster.vanish(referenceTo(objectOf(instance, 'StatefulSet')));
    const failed = await harness.untilFinished(await harness.repair(instance));
    expect(failed).toMatchObject({ state: 'failed', errorCode: 'ResourceFailed' });
    expect(failed.description).toMatch(/^PersistentVolumeClaim \S+ is gone, and with it the data/);
    expect(await harness.cluster.get(referenceTo(volume))).toBeUndefined();
    // The inventory still knows which volume it was: nothing else makes an empty one in its place either.
    expect((await harness.inventoryOf(instance)).map(({ objectUid }) => objectUid)).toContain(
      volume.metadata.uid,
    );
    expect(await harness.instance(instance)).toMatchObject({ state: 'ready', usable: true });

    await repaired(instance, { withEmptyVolumes: true });
    expect(objectOf(instance, 'PersistentVolumeClaim').metadata.uid).not.toBe(volume.metadata.uid);
  });

  test('looks for the claims that a StatefulSet made before it makes the StatefulSet anew', async () => {
    const volumeClaimTemplates = [{ metadata: { name: 'data' } }];
    const server: NonNullable<PlanOptions['charts']>[string] = (request) =>
      serverChart(request)
        .filter(({ kind }) => kind !== 'PersistentVolumeClaim')
        .map((object) =>
          object.kind === 'StatefulSet'
            ? { ...object, spec: { ...(object.spec as object), volumeClaimTemplates } }
            : object,
        );
    const instance = await provisioned({ charts: { server } });
    const set = objectOf(instance, 'StatefulSet');
    harness.cluster.vanish(referenceTo(set));
    const failed = await harness.untilFinished(await harness.repair(instance));
    expect(failed.description).toMatch(/^PersistentVolumeClaim data-\S+-server-0 is gone/);

    const name = `data-${set.metadata.name}-0`;
    await harness.cluster.create({
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: { name, namespace: instance.namespace },
    });
    await repaired(instance);
  });

  test('waits until a deletion under way is over; of a volume it is a loss', async () => {
    const instance = await provisioned();
    const service = objectOf(instance, 'Service');
    const remove = async (object: KubeObject) => {
      harness.cluster.edit(referenceTo(object), ({ metadata }) => {
        metadata.finalizers = ['example.com/hold'];
      });
      await harness.cluster.delete(referenceTo(object), { uid: object.metadata.uid ?? '' });
    };
    await remove(service);
    const operation = await harness.repair(instance);
    await harness.untilDescribed(operation, /waiting until Service \S+ is deleted/);
    harness.cluster.removeFinalizers(referenceTo(service));
    expect(await harness.untilFinished(operation)).toMatchObject({ state: 'succeeded' });

    await remove(objectOf(instance, 'PersistentVolumeClaim'));
    const failed = await harness.untilFinished(await harness.repair(instance));
    expect(failed.description).toMatch(/^PersistentVolumeClaim \S+ is being deleted, and with it the data/);
  });

  test('that fails or runs out of time leaves the instance as it was', async () => {
    const instance = await provisioned();
    const operation = await harness.repair(instance);
    await harness.stopAll();
    await harness.query(`update operations set deadline = clock_timestamp() where uid = $1`, [operation.uid]);
    harness.startWorker();
    expect(await harness.untilFinished(operation)).toMatchObject({ errorCode: 'DeadlineExceeded' });
    expect(await harness.instance(instance)).toMatchObject({ state: 'ready', usable: true });
  });

  test('is only for what is ready and at rest', async () => {
    const { instance, operation } = await harness.provision();
    const ask = () => enqueueRepair(harness.store, { instanceUid: instance.uid });
    expect(await ask()).toEqual({ kind: 'refused', why: 'not ready' });
    harness.startWorker();
    await harness.untilFinished(operation);
    await harness.stopAll();
    await harness.bind(instance);
    expect(await ask()).toEqual({ kind: 'refused', why: 'operation in progress' });
    const unknown = { instanceUid: '00000000-0000-4000-8000-000000000000' };
    expect(await enqueueRepair(harness.store, unknown)).toEqual({ kind: 'refused', why: 'no such instance' });
  });
});

describe('during a repair', () => {
  async function held() {
    const instance = await provisioned();
    const hold = harness.cluster.holdNext(({ verb, kind }) => verb === 'apply' && kind === 'Secret');
    const repair = await harness.repair(instance);
    await hold.reached;
    return { instance, repair, hold };
  }

  test('a deprovision takes its place, waits for the late worker, and leaves nothing', async () => {
    const { instance, repair, hold } = await held();
    const operation = await harness.deprovision(instance);
    expect(await harness.store.findOperation(repair.uid)).toMatchObject({ errorCode: 'Cancelled' });
    hold.resume();
    expect(await harness.untilFinished(operation)).toMatchObject({ state: 'succeeded' });
    expect(harness.objectsOf(instance)).toEqual([]);
  });

  test('an update takes its place', async () => {
    const { instance, repair, hold } = await held();
    const { operation } = await harness.update(instance, { set: { cpu: '1' } });
    expect(await harness.store.findOperation(repair.uid)).toMatchObject({ errorCode: 'Cancelled' });
    expect(harness.eventsOf('operationCancelled', repair)).toMatchObject([{ fields: { reason: 'update' } }]);
    hold.resume();
    expect(await harness.untilFinished(operation)).toMatchObject({ state: 'succeeded' });
  });

  test('a bind and an unbind go on', async () => {
    const { instance, repair, hold } = await held();
    const { binding, operation } = await harness.bind(instance);
    expect(await harness.untilFinished(operation)).toMatchObject({ state: 'succeeded' });
    expect(await harness.untilFinished(await harness.unbind(binding))).toMatchObject({ state: 'succeeded' });
    hold.resume();
    expect(await harness.untilFinished(repair)).toMatchObject({ state: 'succeeded' });
  });
});

test('a repair that ends one worker after the other at the same object is given up', async () => {
  const first = harness.startWorker();
  const { instance, operation } = await harness.provision();
  expect(await harness.untilFinished(operation)).toMatchObject({ state: 'succeeded' });
  await first.stop(1_000);
  const repair = await harness.repair(instance);
  const holds = [];
  // One claim that takes nothing over, the takeovers that are allowed, and one more.
  for (let count = 0; count < 7; count += 1) {
    const hold = harness.cluster.holdNext(({ verb, kind }) => verb === 'apply' && kind === 'StatefulSet');
    holds.push(hold);
    const worker = harness.startWorker();
    await Promise.race([hold.reached, harness.untilFinished(repair)]);
    await worker.stop(0);
    await harness.expireLeases();
  }
  expect(await harness.store.findOperation(repair.uid)).toMatchObject({
    ...{ state: 'failed', errorCode: 'WorkersLost' },
  });
  for (const { resume } of holds) resume();
});

const steps = [
  'plan-server',
  'apply-service',
  'record-service',
  'apply-statefulset',
  'prepare-server',
  'finish',
];
const points = steps.flatMap((name) => (['before', 'after'] as const).map((when) => ({ when, name })));
test.each(points)('a worker that dies $when "$name": another one completes the repair', async (point) => {
  const instance = await provisioned();
  const before = content(instance);
  await harness.stopAll();
  harness.startWatcher();
  harness.cluster.vanish(referenceTo(objectOf(instance, 'Service')));
  harness.cluster.vanish(referenceTo(objectOf(instance, 'StatefulSet')));
  const crash = new CrashPoint({ verb: 'repair', ...point });
  harness.startWorker(crash.parts(harness.store, { owner: 'doomed', leaseSeconds: 15 }));
  const operation = await harness.repair(instance);
  await crash.reached;
  await harness.expireLeases();
  harness.startWorker();
  expect(await harness.untilFinished(operation)).toMatchObject({ state: 'succeeded' });
  expect(content(instance)).toEqual(before);
});
