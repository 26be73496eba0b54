/** Sweeps tell of what rows and cluster do not agree on, and delete only what a late worker left behind. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ServiceBinding } from '../../src/domain/binding.ts';
import type { ServiceInstance } from '../../src/domain/instance.ts';
import type { KubeObject } from '../../src/kube/types.ts';
import { identityLabels } from '../../src/lib/labels.ts';
import { orphanSweep } from '../../src/worker/sweeps/orphans.ts';
import { runSweeps } from '../../src/worker/sweeps/sweeper.ts';
import { appNamespace, startWorkerHarness, type WorkerHarness } from '../support/worker-harness.ts';

const noInstance = '11111111-1111-4111-8111-111111111111';
let harness: WorkerHarness;
beforeEach(async () => {
  harness = await startWorkerHarness();
  harness.startWatcher();
  harness.startWorker();
});
afterEach(() => harness.close());

async function sweep({ graceSeconds = 600 } = {}): Promise<void> {
  const done = await runSweeps(harness.newDeps(), [orphanSweep({ clusters: ['local'], graceSeconds })]);
  expect(done).toBe(true);
  expect(harness.eventsOf('backgroundFaulted')).toEqual([]);
}

async function findings() {
  return (await harness.store.findings.list())
    .map(
      ({ kind, objectKind, namespace, name, quarantinedAt }) =>
        `${kind}: ${objectKind} ${namespace}/${name}${quarantinedAt === undefined ? '' : ' (confirmed)'}`,
    )
    .sort();
}

async function readyInstance(): Promise<ServiceInstance> {
  const { instance, operation } = await harness.provision();
  expect((await harness.untilFinished(operation)).state).toBe('succeeded');
  return harness.instance(instance);
}

async function bound(instance: ServiceInstance): Promise<ServiceBinding> {
  const { binding, operation } = await harness.bind(instance);
  expect((await harness.untilFinished(operation)).state).toBe('succeeded');
  return harness.binding(binding);
}

async function deprovisioned(): Promise<ServiceInstance> {
  const instance = await readyInstance();
  expect((await harness.untilFinished(await harness.deprovision(instance))).state).toBe('succeeded');
  return instance;
}

function object(kind: string, name: string, namespace: string, instanceUid: string, bindingUid?: string) {
  const labels = identityLabels({
    installationId: harness.store.installationId,
    instanceUid,
    ...(bindingUid === undefined ? {} : { bindingUid }),
  });
  return {
    apiVersion: 'v1',
    kind,
    metadata: { name, labels, ...(namespace === '' ? {} : { namespace }) },
  } satisfies KubeObject;
}

/** As if so much time had passed since rows last changed. */
const age = (table: string, interval = '1 hour') =>
  harness.query(`update ${table} set updated_at = updated_at - interval '${interval}'`);
const ageFindings = (interval: string) =>
  harness.query(
    `update findings set first_seen_at = first_seen_at - interval '${interval}', last_seen_at = last_seen_at - interval '${interval}'`,
  );

const isThere = async ({ apiVersion, kind, metadata: { name, namespace } }: KubeObject) =>
  (await harness.cluster.get({
    apiVersion,
    kind,
    name,
    ...(namespace === undefined ? {} : { namespace }),
  })) !== undefined;

test('where everything has its row, nothing is found, and nothing is written to the cluster', async () => {
  const instance = await readyInstance();
  await bound(instance);
  await harness.cluster.create(object('PersistentVolumeClaim', 'claimed', instance.namespace, instance.uid));
  const written = harness.cluster.written.length;
  await sweep();
  await sweep();
  expect(await findings()).toEqual([]);
  expect(harness.cluster.written).toHaveLength(written);
});

describe('an object without a row', () => {
  test('is told of, confirmed by a second look after the time of grace, and stays however old it is', async () => {
    const orphan = object('ConfigMap', 'left', appNamespace, noInstance);
    await harness.cluster.create(orphan);
    await sweep();
    expect(await findings()).toEqual(['object without row: ConfigMap app/left']);
    await sweep();
    expect(await findings()).toEqual(['object without row: ConfigMap app/left']);
    expect(harness.eventsOf('findingConfirmed')).toEqual([]);

    await ageFindings('11 minutes');
    await sweep();
    await ageFindings('10 years');
    await sweep();
    expect(await findings()).toEqual(['object without row: ConfigMap app/left (confirmed)']);
    expect(harness.eventsOf('findingConfirmed')).toHaveLength(1);
    expect(await isThere(orphan)).toBe(true);
  });

  test('is forgotten when it is gone', async () => {
    await harness.cluster.create(object('ConfigMap', 'left', appNamespace, noInstance));
    await sweep();
    harness.cluster.vanish({ apiVersion: 'v1', kind: 'ConfigMap', namespace: appNamespace, name: 'left' });
    await sweep();
    expect(await findings()).toEqual([]);
  });

  test('is told of once for a whole namespace', async () => {
    await harness.cluster.create(object('Namespace', 'i-lost', '', noInstance));
    await harness.cluster.create(object('Secret', 'one', 'i-lost', noInstance));
    await sweep();
    expect(await findings()).toEqual(['object without row: Namespace /i-lost']);
    expect((await harness.store.findings.list())[0]?.detail).toContain('1 more');
  });

  test('is never touched when its labels lie', async () => {
    const live = await readyInstance();
    const binding = await bound(live);
    const gone = await deprovisioned();
    await age('service_instances');
    const lies = [
      object('ConfigMap', 'of-a-live-instance', appNamespace, live.uid),
      object('Secret', 'of-a-live-binding', appNamespace, live.uid, binding.uid),
      object('ConfigMap', 'no-uuid', appNamespace, 'x'.repeat(63)),
      object('ConfigMap', 'empty', appNamespace, ''),
      object('ConfigMap', 'of-a-gone-instance', appNamespace, gone.uid),
      object('Namespace', 'tenant', '', gone.uid),
    ];
    for (const lie of lies) await harness.cluster.create(lie);
    const other = object('ConfigMap', 'of-another-chandler', appNamespace, noInstance);
    other.metadata.labels['chandler.dev/installation'] = noInstance;
    await harness.cluster.create(other);
    await sweep();
    await sweep();
    expect((await findings()).map((text) => text.split('/')[1]).sort()).toEqual(
      ['empty', 'no-uuid', 'of-a-gone-instance', 'of-a-live-binding', 'of-a-live-instance', 'tenant'].sort(),
    );
    for (const each of [...lies, other]) expect(await isThere(each)).toBe(true);
  });
});

describe('what a late worker left', () => {
  test('of a deprovisioned instance goes, but not before such a worker must have ended', async () => {
    const instance = await deprovisioned();
    const namespace = object('Namespace', instance.namespace, '', instance.uid);
    const secret = object('Secret', `${instance.externalName}-admin`, instance.namespace, instance.uid);
    await harness.cluster.create(namespace);
    await harness.cluster.create(secret);
    await sweep();
    expect(await isThere(secret)).toBe(true);
    expect(await findings()).toEqual([]);

    await age('service_instances', '31 seconds');
    await sweep();
    await sweep();
    expect(harness.objectsOf(instance)).toEqual([]);
    expect(await findings()).toEqual([]);
    expect(harness.eventsOf('stragglerRemoved').map(({ fields }) => fields.kind)).toEqual([
      'Secret',
      'Namespace',
    ]);
    const [row] = await harness.query('select swept_at from service_instances where uid = $1', [
      instance.uid,
    ]);
    expect(row?.swept_at).not.toBeNull();
  });

  test('of an unbound binding goes', async () => {
    const binding = await bound(await readyInstance());
    expect((await harness.untilFinished(await harness.unbind(binding))).state).toBe('succeeded');
    const secret = object('Secret', binding.externalName, appNamespace, binding.instanceUid, binding.uid);
    await harness.cluster.create(secret);
    await sweep();
    expect(await isThere(secret)).toBe(true);
    await age('service_bindings');
    await sweep();
    expect(await isThere(secret)).toBe(false);
  });

  test('stays where its namespace holds what is not ours, and is told of', async () => {
    const instance = await deprovisioned();
    await age('service_instances');
    const namespace = object('Namespace', instance.namespace, '', instance.uid);
    const secret = object('Secret', 'late', instance.namespace, instance.uid);
    await harness.cluster.create(namespace);
    await harness.cluster.create(secret);
    await harness.cluster.create({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'precious', namespace: instance.namespace },
    });
    await sweep();
    expect(await isThere(namespace)).toBe(true);
    expect(await isThere(secret)).toBe(true);
    expect(await findings()).toHaveLength(2);
    expect((await harness.store.findings.list())[0]?.detail).toContain('ConfigMap precious');
  });
});

describe('a row without an object', () => {
  test('is told of for each object, also of a delivery', async () => {
    const instance = await readyInstance();
    const binding = await bound(instance);
    await harness.useUpRepairs(binding);
    harness.cluster.vanish({
      ...{ apiVersion: 'apps/v1', kind: 'StatefulSet' },
      ...{ namespace: instance.namespace, name: `${instance.externalName}-server` },
    });
    harness.cluster.vanish({
      ...{ apiVersion: 'v1', kind: 'Secret', namespace: appNamespace, name: binding.externalName },
    });
    await sweep();
    expect(await findings()).toEqual([
      `row without object: Secret app/${binding.externalName}`,
      `row without object: StatefulSet ${instance.namespace}/${instance.externalName}-server`,
    ]);
  });

  test('is told of when another object took the place', async () => {
    const instance = await readyInstance();
    const place = {
      apiVersion: 'v1',
      kind: 'Service',
      namespace: instance.namespace,
      name: `${instance.externalName}-server`,
    };
    harness.cluster.vanish(place);
    await harness.cluster.create(object('Service', place.name, place.namespace, instance.uid));
    await sweep();
    expect(await findings()).toEqual([
      `object without row: Service ${place.namespace}/${place.name}`,
      `row without object: Service ${place.namespace}/${place.name}`,
    ]);
  });

  test('is told of for the namespace alone when that is gone', async () => {
    const instance = await readyInstance();
    for (const { apiVersion, kind, metadata } of harness.objectsOf(instance)) {
      harness.cluster.vanish({ apiVersion, kind, namespace: metadata.namespace ?? '', name: metadata.name });
    }
    await sweep();
    expect(await findings()).toEqual([`row without object: Namespace /${instance.namespace}`]);
  });

  test('is none while somebody took only the labels away', async () => {
    const instance = await readyInstance();
    const { metadata, ...service } = harness
      .objectsOf(instance)
      .find(({ kind }) => kind === 'Service') as KubeObject;
    await harness.cluster.apply({ ...service, metadata: { ...metadata, labels: {} } });
    expect(harness.objectsOf(instance).some(({ kind }) => kind === 'Service')).toBe(false);
    await sweep();
    expect(await findings()).toEqual([]);
  });
});
