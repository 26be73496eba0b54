import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { ServiceBinding } from '../../src/domain/binding.ts';
import type { ServiceInstance } from '../../src/domain/instance.ts';
import { appNamespace, present, startWorkerHarness, type WorkerHarness } from '../support/worker-harness.ts';

let harness: WorkerHarness;
let instance: ServiceInstance;
let binding: ServiceBinding;
beforeAll(async () => {
  harness = await startWorkerHarness();
});
afterAll(() => harness?.close());
beforeEach(async () => {
  harness.startWatcher();
  harness.startWorker();
  const made = await harness.provision();
  await harness.untilFinished(made.operation);
  instance = await harness.instance(made.instance);
  const bound = await harness.bind(instance);
  await harness.untilFinished(bound.operation);
  binding = await harness.binding(bound.binding);
});
afterEach(() => harness.stopAll());

const kinds = ['Secret', 'ConfigMap'] as const;
type Kind = (typeof kinds)[number];

const referenceOf = (kind: Kind) => ({
  ...{ apiVersion: 'v1', kind },
  ...{ namespace: appNamespace, name: binding.externalName },
});
const find = (kind: Kind) => harness.cluster.get(referenceOf(kind));
const dataOf = async (kind: Kind) => (await find(kind))?.data;
const wait = { interval: 20, timeout: 5_000 };

const repairs = async () =>
  harness.query(
    `select state, description from operations where type = 'repair' and binding_uid = $1 order by position`,
    [binding.uid],
  );

/** How many operations or sightings of objects of a binding there are, of those that fit. */
async function countOf(
  table: 'operations' | 'observed_objects',
  fits = 'true',
  { uid }: ServiceBinding = binding,
): Promise<number> {
  return (await harness.query(`select 1 from ${table} where binding_uid = $1 and ${fits}`, [uid])).length;
}

/** What another than Chandler writes there. */
function edit(kind: Kind, data: object): void {
  harness.cluster.edit(referenceOf(kind), (object) => {
    object.data = data;
  });
}

describe.each(kinds)('what was delivered as a %s', (kind) => {
  test('is back when somebody deletes it, with what it held, and is told of', async () => {
    const before = present(await find(kind));
    await harness.cluster.delete(referenceOf(kind), { uid: present(before.metadata.uid) });
    await expect.poll(() => dataOf(kind), wait).toEqual(before.data);
    await expect
      .poll(repairs, wait)
      .toEqual([{ state: 'succeeded', description: expect.stringContaining(`the ${kind} was deleted`) }]);
    expect((await find(kind))?.metadata.uid).not.toBe(before.metadata.uid);
    expect(harness.eventsOf('deliveryRestored').at(-1)?.fields).toMatchObject({
      ...{ bindingUid: binding.uid, kind, namespace: appNamespace, was: 'deleted' },
    });
  });

  test('is as it was when somebody edits it, and is told of by names and never by values', async () => {
    const before = await dataOf(kind);
    const value = Buffer.from('elsewhere.example').toString('base64');
    edit(kind, { ...(before as object), host: value });
    await expect.poll(() => dataOf(kind), wait).toEqual(before);
    await expect.poll(async () => (await repairs()).length, wait).toBe(1);
    const told = harness.eventsOf('deliveryRestored').at(-1)?.fields;
    expect(told).toMatchObject({ bindingUid: binding.uid, kind, was: 'changed', keys: ['host'] });
    expect(JSON.stringify(told)).not.toContain('elsewhere');
  });
});

test('an object that others only annotate is left with their annotation, and told of to nobody', async () => {
  const told = harness.eventsOf('deliveryRestored').length;
  harness.cluster.edit(referenceOf('Secret'), ({ metadata }) => {
    metadata.annotations = { ...metadata.annotations, theirs: 'yes' };
  });
  await expect.poll(async () => (await repairs()).map(({ state }) => state), wait).toEqual(['succeeded']);
  expect((await find('Secret'))?.metadata.annotations).toMatchObject({ theirs: 'yes' });
  expect(harness.eventsOf('deliveryRestored')).toHaveLength(told);
});

test('our own deliveries and restarts of the watcher begin no repair', async () => {
  await harness.stopAll();
  harness.startWatcher();
  harness.startWorker();
  const other = await harness.bind(instance);
  await harness.untilFinished(other.operation);
  await expect.poll(() => countOf('observed_objects', 'true', other.binding), wait).toBe(2);
  expect(
    await harness.query(`select 1 from operations where type = 'repair' and instance_uid = $1`, [
      instance.uid,
    ]),
  ).toEqual([]);
});

test('what was deleted while nobody watched is back when somebody does', async () => {
  await expect.poll(() => countOf('observed_objects'), wait).toBe(2);
  await harness.stopAll();
  const before = present(await find('Secret'));
  await harness.cluster.delete(referenceOf('Secret'), { uid: present(before.metadata.uid) });
  harness.startWorker();
  harness.startWatcher();
  await expect.poll(() => dataOf('Secret'), wait).toEqual(before.data);
});

test('a change while a repair is under way is seen when that one ends', async () => {
  const before = await dataOf('Secret');
  let edits = 0;
  const deliver = harness.cluster.apply.bind(harness.cluster);
  harness.cluster.apply = async (object, options) => {
    const applied = await deliver(object, options);
    if (object.kind === 'ConfigMap' && object.metadata.name === binding.externalName && edits < 1) {
      edits += 1;
      edit('Secret', { host: '' });
      await expect.poll(() => countOf('operations', `state = 'in progress'`)).toBe(1);
    }
    return applied;
  };
  try {
    edit('ConfigMap', {});
    await expect
      .poll(async () => (await repairs()).filter(({ state }) => state === 'succeeded').length, wait)
      .toBe(2);
    expect(await dataOf('Secret')).toEqual(before);
  } finally {
    harness.cluster.apply = deliver;
  }
});

test('an unbind takes the place of a repair, and last_operation never tells of one', async () => {
  edit('Secret', {});
  await expect.poll(async () => (await repairs()).length, wait).toBe(1);
  expect(await harness.store.latestBindingOperation(binding.uid)).toMatchObject({ type: 'bind' });
  await harness.untilFinished(await harness.unbind(binding));
  expect(await find('Secret')).toBeUndefined();
  const { length } = await repairs();
  expect(length).toBe(1);
});

test('whoever changes it again and again has it his way after so many repairs a day', async () => {
  await harness.useUpRepairs(binding);
  edit('Secret', {});
  const version = present(await find('Secret')).metadata.resourceVersion;
  await expect
    .poll(() => countOf('observed_objects', `kind = 'Secret' and resource_version = '${version}'`), wait)
    .toBe(1);
  expect((await repairs()).length).toBe(50);
});
