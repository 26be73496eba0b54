// biome-ignore-all lint/suspicious/noTemplateCurlyInString: ${ is the language of templates
/** What others change in what Chandler applied is told without its values and, where the plan says so, put back. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import type { ServiceBinding } from '../../src/domain/binding.ts';
import type { ServiceInstance } from '../../src/domain/instance.ts';
import type { RenderRequest } from '../../src/helm/types.ts';
import { KubeError, type KubeObject, type ObjectReference } from '../../src/kube/types.ts';
import { canonicalJson, type JsonObject, type JsonValue } from '../../src/lib/json.ts';
import { namespaceAnnotationKeys } from '../../src/lib/labels.ts';
import { driftSweep } from '../../src/worker/sweeps/drift.ts';
import { orphanSweep } from '../../src/worker/sweeps/orphans.ts';
import { runSweeps } from '../../src/worker/sweeps/sweeper.ts';
import { serverChart } from '../support/server-plan.ts';
import {
  appNamespace,
  type PlanOptions,
  present,
  startWorkerHarness,
  type WorkerHarness,
} from '../support/worker-harness.ts';

const canary = 'canary-4711';
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
  // Whatever a test left is no matter of the next one.
  await harness.query(
    `update service_instances set state = 'deprovision failed' where state <> 'deprovisioned'`,
  );
  await harness.query('delete from findings');
  harness.events.splice(0);
});

const configuredWith = (request: RenderRequest, motd: string): KubeObject[] => [
  ...serverChart(request),
  {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: request.releaseName },
    data: { 'server.conf': 'shared_buffers = 1', motd },
  },
];
const configured: NonNullable<PlanOptions['charts']> = {
  server: (request) => configuredWith(request, 'hello'),
};

async function provisioned(plan: Pick<PlanOptions, 'drift'> = {}): Promise<ServiceInstance> {
  const { instance, operation } = await harness.provision({ charts: configured, ...plan });
  expect(await harness.untilFinished(operation)).toMatchObject({ state: 'succeeded' });
  return harness.instance(instance);
}

async function bound(instance: ServiceInstance): Promise<ServiceBinding> {
  const { binding, operation } = await harness.bind(instance);
  expect(await harness.untilFinished(operation)).toMatchObject({ state: 'succeeded' });
  return harness.binding(binding);
}

/** One round, as if everything were due. */
async function sweep(everySeconds = 3600): Promise<void> {
  await harness.query('update service_instances set drift_checked_at = null');
  const orphans = orphanSweep({ clusters: ['local'], graceSeconds: 600 });
  expect(await runSweeps(harness.newDeps(), [orphans, driftSweep({ everySeconds })])).toBe(true);
  expect(harness.eventsOf('backgroundFaulted')).toEqual([]);
}

async function drifts() {
  return (await harness.store.findings.list()).filter(({ kind }) => kind === 'drift');
}

const repairs = () =>
  harness.query(`select uid, state, error_code from operations where type = 'repair' and instance_uid in
                 (select uid from service_instances where state = 'ready') order by position`);

async function untilRepaired(): Promise<void> {
  const states = async () => (await repairs()).map(({ state }) => state);
  await expect.poll(states, { timeout: 5_000 }).not.toContain('in progress');
}

function objectOf(instance: ServiceInstance, kind: string): KubeObject {
  return present(harness.objectsOf(instance).find((object) => object.kind === kind));
}

function referenceTo({ apiVersion, kind, metadata }: KubeObject): ObjectReference {
  const { namespace = '', name } = metadata;
  return { apiVersion, kind, namespace, name };
}

function edit(instance: ServiceInstance, kind: string, change: (object: KubeObject) => void): void {
  harness.cluster.edit(referenceTo(objectOf(instance, kind)), change);
}

const changeSecret = (instance: ServiceInstance) =>
  edit(instance, 'Secret', (secret) => {
    secret.data = { ...(secret.data as object), password: canary };
  });

describe('a look', () => {
  test('finds nothing in what is as it was applied, changes nothing, and looks at what is due alone', async () => {
    const instance = await provisioned();
    await bound(instance);
    const before = harness.cluster.all();
    await sweep();
    expect(await drifts()).toEqual([]);
    expect(harness.cluster.all()).toEqual(before);
    const from = harness.cluster.requests.length;
    await runSweeps(harness.newDeps(), [driftSweep({ everySeconds: 3600 })]);
    expect(harness.cluster.requests.slice(from)).toEqual([]);
    await sweep(0);
    expect(harness.cluster.requests.slice(from).filter(({ verb }) => verb === 'dry-run')).toEqual([]);
  });

  test('names the object and the paths, tells it once, and is over when it was mended', async () => {
    const instance = await provisioned();
    changeSecret(instance);
    edit(instance, 'Service', (service) => {
      service.spec = { ...(service.spec as object), ports: [{ port: 1 }], sessionAffinity: 'ClientIP' };
    });
    edit(instance, 'ConfigMap', (map) => {
      map.data = { motd: canary };
    });
    await sweep();
    const found = await drifts();
    expect(found.map(({ objectKind, detail }) => [objectKind, detail]).sort()).toEqual([
      ['ConfigMap', 'This object is not what the plan says at data.motd, data["server.conf"].'],
      ['Secret', 'This object is not what the plan says at data.password.'],
      ['Service', 'This object is not what the plan says at spec.ports[0].port.'],
    ]);
    expect(found[0]).toMatchObject({
      instanceUid: instance.uid,
      cluster: 'local',
      namespace: instance.namespace,
    });
    await sweep();
    expect(harness.eventsOf('driftFound')).toHaveLength(3);
    expect(await repairs()).toEqual([]);
    expect(JSON.stringify([await harness.store.findings.list(), harness.events])).not.toContain(canary);

    expect(await harness.untilFinished(await harness.repair(instance))).toMatchObject({ state: 'succeeded' });
    await sweep();
    expect(await drifts()).toEqual([]);
  });

  test('does not mind what others own: fields beside ours, and what controllers write', async () => {
    const instance = await provisioned();
    edit(instance, 'ConfigMap', (map) => {
      map.data = { ...(map.data as object), theirs: 'x' };
      map.metadata.annotations = { ...map.metadata.annotations, theirs: 'x' };
    });
    harness.cluster.setStatus(referenceTo(objectOf(instance, 'StatefulSet')), { replicas: 7 });
    await sweep();
    expect(await drifts()).toEqual([]);
  });

  test('tells which entries of a delivery were changed and not put back', async () => {
    const binding = await bound(await provisioned());
    await harness.useUpRepairs(binding);
    for (const kind of ['Secret', 'ConfigMap']) {
      const name = binding.externalName;
      harness.cluster.edit({ apiVersion: 'v1', kind, namespace: appNamespace, name }, (object) => {
        const { host: _gone, ...data } = object.data as JsonObject;
        object.data = { ...data, type: canary, theirs: canary };
      });
    }
    await sweep();
    const found = await drifts();
    expect(found.map(({ objectKind }) => objectKind).sort()).toEqual(['ConfigMap', 'Secret']);
    for (const { detail, bindingUid } of found) {
      expect(detail).toMatch(
        /changed at (data\.host, data\.type|data\.type, data\.host)\. Chandler puts it back when/,
      );
      expect(bindingUid).toBe(binding.uid);
      expect(detail).not.toContain(canary);
    }
    await harness.unbind(binding);
  });

  test('does not repeat what the API server says when it refuses an object', async () => {
    const instance = await provisioned();
    const refused = new KubeError(422, 'Invalid', `spec: Invalid value: "${canary}"`);
    harness.cluster.failNext(
      ({ verb, reference }) => verb === 'dry-run' && reference.kind === 'Service',
      refused,
    );
    await sweep();
    expect(await drifts()).toMatchObject([
      { objectKind: 'Service', detail: expect.stringContaining('can no longer be applied') },
    ]);
    expect(JSON.stringify([await drifts(), harness.events])).not.toContain(canary);
    expect(instance.state).toBe('ready');
  });

  test('counts for nothing when an operation came in between, or was there before', async () => {
    const instance = await provisioned();
    changeSecret(instance);
    await harness.stopAll();
    const come = vi.spyOn(harness.cluster, 'isNamespaced').mockImplementationOnce(async () => {
      await harness.bind(instance);
      return true;
    });
    await sweep();
    come.mockRestore();
    const { length } = harness.cluster.requests.filter(({ verb }) => verb === 'dry-run');
    expect([length > 0, await drifts()]).toEqual([true, []]);
    const from = harness.cluster.requests.length;
    await sweep();
    expect(harness.cluster.requests.slice(from).filter(({ verb }) => verb === 'dry-run')).toEqual([]);
    // Nor does the look count as done.
    expect(
      await harness.query(
        `select uid from service_instances where state = 'ready' and drift_checked_at is null`,
      ),
    ).toEqual([{ uid: instance.uid }]);
  });

  test('that a cluster does not answer is tried again next time and forgets nothing', async () => {
    const instance = await provisioned();
    changeSecret(instance);
    await sweep();
    harness.cluster.failNext(({ verb }) => verb === 'dry-run', new KubeError(503, '', 'down'));
    await harness.query('update service_instances set drift_checked_at = null');
    await runSweeps(harness.newDeps(), [driftSweep({ everySeconds: 3600 })]);
    expect(harness.eventsOf('backgroundFaulted')).toHaveLength(1);
    expect(await drifts()).toHaveLength(1);
  });
});

describe('a plan that says repair', () => {
  const mended = () => provisioned({ drift: 'repair' });

  test('puts back what two looks saw', async () => {
    const instance = await mended();
    const before = objectOf(instance, 'Secret').data;
    changeSecret(instance);
    await sweep();
    expect(await repairs()).toEqual([]);
    await sweep();
    expect(await repairs()).toHaveLength(1);
    await untilRepaired();
    expect(objectOf(instance, 'Secret').data).toEqual(before);
    expect(harness.eventsOf('operationEnqueued').map(({ fields }) => fields.type)).toContain('repair');
    await sweep();
    expect(await drifts()).toEqual([]);
  });

  test('makes anew what is gone, but no volume', async () => {
    const instance = await mended();
    harness.cluster.vanish(referenceTo(objectOf(instance, 'StatefulSet')));
    await sweep();
    await sweep();
    await untilRepaired();
    expect(objectOf(instance, 'StatefulSet')).toBeDefined();

    await harness.query(`update operations set created_at = created_at - interval '2 hours'`);
    harness.cluster.vanish(referenceTo(objectOf(instance, 'PersistentVolumeClaim')));
    changeSecret(instance);
    await sweep();
    await sweep();
    expect(await repairs()).toHaveLength(1);
    expect((await drifts())[0]?.detail).toMatch(
      /not repaired by itself, since an object .* is gone together with data/,
    );
  });

  test('does not make a namespace anew that is gone, be it deleted or of a restored row', async () => {
    const withoutVolume: NonNullable<PlanOptions['charts']> = {
      server: (request) => serverChart(request).filter(({ kind }) => kind !== 'PersistentVolumeClaim'),
    };
    const { instance, operation } = await harness.provision({ drift: 'repair', charts: withoutVolume });
    expect(await harness.untilFinished(operation)).toMatchObject({ state: 'succeeded' });
    for (const object of harness.objectsOf(instance)) harness.cluster.vanish(referenceTo(object));
    for (let round = 0; round < 3; round += 1) await sweep();
    expect(await repairs()).toEqual([]);
    expect(harness.objectsOf(instance)).toEqual([]);
    expect((await harness.store.findings.list()).map(({ detail }) => detail)).toContain(
      'The namespace of this service instance is gone, with all that it held. It is not made anew by itself.',
    );
  });

  test('takes nothing back where the row names an older revision than the namespace', async () => {
    const { instance, operation } = await harness.provision({ drift: 'repair', charts: configured });
    await harness.untilFinished(operation);
    const older = await harness.instance(instance);
    const { operation: update } = await harness.update(instance, {
      ...{ drift: 'repair', set: { cpu: '1' } },
      charts: { server: (request) => configuredWith(request, 'newer') },
    });
    expect(await harness.untilFinished(update)).toMatchObject({ state: 'succeeded' });
    await harness.query(`update service_instances set plan_revision = $2, plan_id = $3 where uid = $1`, [
      instance.uid,
      older.planRevision,
      older.planId,
    ]);
    for (let round = 0; round < 3; round += 1) await sweep();
    expect(await repairs()).toEqual([]);
    expect(objectOf(instance, 'ConfigMap').data).toMatchObject({ motd: 'newer' });
    const namespace = present((await drifts()).find(({ objectKind }) => objectKind === 'Namespace'));
    expect(namespace.detail).toMatch(
      /at metadata.*plan-revision.* not repaired by itself, since .* another revision/,
    );
  });

  test('minds no annotation of the namespace that an older Chandler did not write', async () => {
    const instance = await mended();
    edit(instance, 'Namespace', ({ metadata }) => {
      for (const key of namespaceAnnotationKeys) delete metadata.annotations?.[key];
    });
    await sweep();
    expect(await drifts()).toEqual([]);
    edit(instance, 'Namespace', ({ metadata }) => delete metadata.annotations);
    await sweep();
    expect((await drifts()).map(({ detail }) => detail)).not.toEqual([expect.stringContaining('revision')]);
  });

  test('does not fight for ever: a pause after each repair, three within a day, then it is only told', async () => {
    const instance = await mended();
    for (const count of [1, 2, 3]) {
      changeSecret(instance);
      await sweep();
      await sweep();
      await untilRepaired();
      expect(await repairs()).toHaveLength(count);
      changeSecret(instance);
      await sweep();
      await sweep();
      // Still the pause.
      expect(await repairs()).toHaveLength(count);
      await harness.query(`update operations set created_at = created_at - interval '2 hours'`);
    }
    await sweep();
    expect(await repairs()).toHaveLength(3);
    expect((await drifts())[0]?.detail).toMatch(/at data\.password\. .* repaired 3 times within 24 hours/);
    await harness.query(`update operations set created_at = created_at - interval '24 hours'`);
    await sweep();
    await untilRepaired();
    const [{ count }] = (await harness.query(
      `select count(*)::int from operations where type = 'repair' and instance_uid = $1`,
      [instance.uid],
    )) as [{ count: number }];
    expect(count).toBe(4);
  });
});

const clean = ({ metadata, status: _status, ...rest }: KubeObject) => ({ ...rest, labels: metadata.labels });

test.each(['Secret', 'ConfigMap', 'Service', 'StatefulSet', 'Namespace'])(
  'wherever a %s of ours is changed by hand, no value of it is told, and a repair brings it back',
  async (kind) => {
    const instance = await provisioned();
    // By name: its labels are among what is changed.
    const reference = referenceTo(objectOf(instance, kind));
    const now = async () => clean(present(await harness.cluster.get(reference)));
    const before = await now();
    for (const path of leaves(appliedPart(objectOf(instance, kind)))) {
      for (const how of ['replace', 'remove', 'add']) {
        const what = `${how} ${path.join('.')}`;
        harness.cluster.edit(reference, (object) => changeAt(object as JsonObject, path, how));
        const changed = canonicalJson((await now()) as JsonObject) !== canonicalJson(before as JsonObject);
        await sweep();
        const told = JSON.stringify([await harness.store.findings.list(), harness.events]);
        expect(told, what).not.toContain(canary);
        // What is added beside our fields is another's; lists of ours are ours as a whole.
        const isOurs = how !== 'add' || path.some((key) => typeof key === 'number');
        const found = changed && isOurs ? [kind] : [];
        expect(
          (await drifts()).map(({ objectKind }) => objectKind),
          what,
        ).toEqual(found);
        const repaired = await harness.untilFinished(await harness.repair(instance));
        expect(repaired, what).toMatchObject({ state: 'succeeded' });
        expect(await now(), what).toMatchObject(before);
      }
    }
  },
);

/** What the plan says of an object, as far as a hand may change it; of the labels one stands for all. */
function appliedPart({ metadata, spec, data }: KubeObject): JsonObject {
  const { clusterIP: _given, ...own } = (spec ?? {}) as JsonObject;
  const labels = Object.fromEntries(Object.entries(metadata.labels ?? {}).slice(0, 1));
  return { metadata: { labels }, spec: own, ...(data === undefined ? {} : { data: data as JsonObject }) };
}

function leaves(value: JsonValue, path: (string | number)[] = []): (string | number)[][] {
  if (typeof value !== 'object' || value === null) return [path];
  const entries = Array.isArray(value) ? [...value.entries()] : Object.entries(value);
  return entries.flatMap(([key, inner]) => leaves(inner, [...path, key]));
}

function changeAt(object: JsonObject, path: (string | number)[], how: string): void {
  let holder = object as Record<string | number, JsonValue>;
  for (const key of path.slice(0, -1)) holder = holder[key] as Record<string | number, JsonValue>;
  const last = path.at(-1) ?? '';
  if (how === 'remove' && !Array.isArray(holder)) delete holder[last];
  else if (how === 'add' && !Array.isArray(holder)) holder[canary] = canary;
  else holder[last] = canary;
}
