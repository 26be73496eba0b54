import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  newBinding,
  newInstance,
  newOperation,
  openTestStore,
  type TestStore,
  testRevision,
} from '../../test/support/store.ts';
import type { InstanceState, ServiceInstance } from '../domain/instance.ts';
import { instanceName } from '../lib/names.ts';
import { Redacted } from '../lib/redacted.ts';
import { type NewBinding, type NewInstance, noCluster, type Store, UniqueConflict } from './types.ts';

let opened: TestStore;
let store: Store;

beforeAll(async () => {
  opened = await openTestStore();
  store = opened.store;
  await store.putRevision(testRevision, new Map());
});
afterAll(() => opened?.close());

const insert = (instance: NewInstance = newInstance()) =>
  store.transact((transaction) => transaction.insertInstance(instance));
const insertBinding = (instance: ServiceInstance, values: Partial<NewBinding> = {}) =>
  store.transact((transaction) => transaction.insertBinding(newBinding(instance, values)));

describe('a service instance', () => {
  test('is read as it was written', async () => {
    const written = newInstance({
      instanceId: 'an id / with 😀 and \\ in it',
      context: { namespace: 'app', nul: 'a\u0000b' },
      parameters: { storage: '1Gi', deep: [1, { two: null }] },
      contextNamespace: 'app',
      generated: new Redacted({ admin: { password: 'generated' } }),
    });
    const inserted = await insert(written);
    const found = await store.findInstance(written);
    expect(found).toEqual(inserted);
    const { generated, ...plain } = written;
    expect(found).toMatchObject({
      ...plain,
      incarnation: 1,
      state: 'provisioning',
      usable: true,
      outputs: {},
    });
    expect(found?.generated.reveal()).toEqual(generated.reveal());
    expect(await store.findInstanceByUid(inserted.uid)).toEqual(inserted);
  });

  test('gets its name from the installation, and its namespace is that name', async () => {
    const inserted = await insert();
    const name = instanceName({
      installationId: store.installationId,
      platform: inserted.platform,
      osbId: inserted.instanceId,
      incarnation: 1,
    });
    expect(inserted).toMatchObject({ externalName: name, namespace: name });
  });

  test('may have the same id on two platforms, and they do not see each other', async () => {
    const one = await insert(newInstance({ platform: 'one', instanceId: 'shared' }));
    const two = await insert(newInstance({ platform: 'two', instanceId: 'shared' }));
    expect(one.externalName).not.toBe(two.externalName);
    expect((await store.findInstance({ platform: 'two', instanceId: 'shared' }))?.uid).toBe(two.uid);
    expect(await store.findInstance({ platform: 'three', instanceId: 'shared' })).toBeUndefined();
  });

  test('is unique among the living of a platform: of two inserts at once one wins', async () => {
    const instance = newInstance();
    const results = await Promise.allSettled([insert(instance), insert(instance)]);
    expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    await expect(insert(instance)).rejects.toBeInstanceOf(UniqueConflict);
    await expect(insert(instance)).rejects.toMatchObject({ constraint: 'service_instances_live_key' });
  });

  test('leaves a tombstone; its id can be used again under another name', async () => {
    const first = await insert();
    await store.transact((transaction) => transaction.setInstanceState(first.uid, 'deprovisioned'));
    expect(await store.findInstance(first)).toBeUndefined();
    expect(await store.findInstanceOrTombstone(first)).toMatchObject({
      uid: first.uid,
      state: 'deprovisioned',
    });

    const second = await insert(newInstance({ instanceId: first.instanceId }));
    expect(second.incarnation).toBe(2);
    expect(second.externalName).not.toBe(first.externalName);
    expect((await store.findInstanceOrTombstone(first))?.uid).toBe(second.uid);
    expect((await store.findInstance(first))?.uid).toBe(second.uid);
  });

  test('keeps its outputs', async () => {
    const { uid } = await insert();
    const outputs = { host: 'h', port: 5432, nul: 'a\u0000b' };
    await store.transact((transaction) => transaction.setInstanceOutputs(uid, outputs));
    expect((await store.findInstanceByUid(uid))?.outputs).toEqual(outputs);
  });

  test('can be used until a state says otherwise, and a state alone says nothing of it', async () => {
    const { uid } = await insert();
    const become = async (state: InstanceState, usable?: boolean) => {
      await store.transact((transaction) => transaction.setInstanceState(uid, state, usable));
      return store.findInstanceByUid(uid);
    };
    expect(await become('updating')).toMatchObject({ state: 'updating', usable: true });
    expect(await become('update failed', false)).toMatchObject({ state: 'update failed', usable: false });
    expect(await become('deprovision failed')).toMatchObject({ usable: false });
    expect(await become('ready', true)).toMatchObject({ usable: true });
  });

  test('takes a new context and a dashboard by themselves', async () => {
    const { uid } = await insert(newInstance({ parameters: { a: 1 } }));
    await store.transact(async (transaction) => {
      await transaction.setInstanceContext(uid, { instance_name: 'new' });
      await transaction.setDashboardUrl(uid, 'https://dashboard');
    });
    expect(await store.findInstanceByUid(uid)).toMatchObject({
      ...{ context: { instance_name: 'new' }, parameters: { a: 1 }, dashboardUrl: 'https://dashboard' },
    });
  });

  test('is locked by one transaction at a time', async () => {
    const instance = await insert();
    const order: string[] = [];
    let entered = () => {};
    const firstIsIn = new Promise<void>((resolve) => {
      entered = resolve;
    });
    const first = store.transact(async (transaction) => {
      await transaction.lockInstance(instance);
      entered();
      await new Promise((resolve) => setTimeout(resolve, 100));
      order.push('first');
    });
    await firstIsIn;
    await store.transact(async (transaction) => {
      await transaction.lockInstanceByUid(instance.uid);
      order.push('second');
    });
    await first;
    expect(order).toEqual(['first', 'second']);
  });
});

describe('a service binding', () => {
  test('is read as it was written, with credentials once they are set', async () => {
    const instance = await insert();
    const delivery = { cluster: 'local', namespace: 'app' };
    const inserted = await insertBinding(instance, { appGuid: 'app', delivery, parameters: { a: 1 } });
    expect(inserted).toMatchObject({ state: 'binding', incarnation: 1, appGuid: 'app', delivery });
    expect(inserted.password.reveal()).toBe('a password');
    expect(inserted.credentials).toBeUndefined();

    await store.transact(async (transaction) => {
      await transaction.setBindingCredentials(inserted.uid, new Redacted({ uri: 'a uri' }));
      await transaction.setBindingState(inserted.uid, 'bound');
    });
    const found = await store.findBinding(inserted);
    expect(found).toMatchObject({ uid: inserted.uid, state: 'bound' });
    expect(found?.credentials?.reveal()).toEqual({ uri: 'a uri' });
    expect(await store.findBindingByUid(inserted.uid)).toEqual(found);
  });

  test('knows its predecessor, and expires by the clock of Postgres', async () => {
    const instance = await insert();
    const { predecessorBindingId, expiresAt, renewBefore } = await insertBinding(instance);
    expect({ predecessorBindingId, expiresAt, renewBefore }).toEqual({});

    const before = Date.now();
    const rotated = await insertBinding(instance, {
      ...{ predecessorBindingId: 'first', lifetimeSeconds: 86_400, renewBeforeSeconds: 3_600 },
    });
    expect(await store.findBindingByUid(rotated.uid)).toEqual(rotated);
    expect(rotated.predecessorBindingId).toBe('first');
    const end = rotated.expiresAt?.getTime() ?? 0;
    expect(end - (rotated.renewBefore?.getTime() ?? 0)).toBe(3_600_000);
    expect(Math.abs(end - before - 86_400_000)).toBeLessThan(60_000);
    // At the end of its life at the latest, to the microsecond.
    await insertBinding(instance, { lifetimeSeconds: 60, renewBeforeSeconds: 0 });
  });

  test('has attachments when they came with the credentials', async () => {
    const { uid } = await insertBinding(await insert());
    const attachments = { volumeMounts: [], syslogDrainUrl: 'syslog://a' };
    await store.transact((transaction) =>
      transaction.setBindingCredentials(uid, new Redacted({}), new Redacted(attachments)),
    );
    expect((await store.findBindingByUid(uid))?.attachments?.reveal()).toEqual(attachments);
    await store.transact((transaction) => transaction.setBindingCredentials(uid, new Redacted({})));
    expect((await store.findBindingByUid(uid))?.attachments).toBeUndefined();
  });

  test('is found only through its own instance and platform', async () => {
    const binding = await insertBinding(await insert());
    expect(await store.findBinding({ ...binding, instanceId: 'another' })).toBeUndefined();
    expect(await store.findBinding({ ...binding, platform: 'another' })).toBeUndefined();
  });

  test('is unique among the living of a platform, and its tombstone frees the id', async () => {
    const instance = await insert();
    const first = await insertBinding(instance);
    const again = { bindingId: first.bindingId };
    await expect(insertBinding(instance, again)).rejects.toBeInstanceOf(UniqueConflict);
    await expect(insertBinding(await insert(), again)).rejects.toBeInstanceOf(UniqueConflict);
    await insertBinding(await insert(newInstance({ platform: 'another' })), again);

    await store.transact((transaction) => transaction.setBindingState(first.uid, 'unbound'));
    expect(await store.findBinding(first)).toBeUndefined();
    expect(await store.listBindings(instance.uid)).toEqual([]);
    expect((await store.findBindingOrTombstone(first))?.state).toBe('unbound');
    const second = await insertBinding(instance, again);
    expect(second.incarnation).toBe(2);
    expect(second.externalName).not.toBe(first.externalName);
    expect((await store.listBindings(instance.uid)).map(({ uid }) => uid)).toEqual([second.uid]);
  });
});

test('a transaction that throws leaves nothing behind', async () => {
  const instance = newInstance();
  const fault = new Error('in the middle');
  const work = store.transact(async (transaction) => {
    const { uid } = await transaction.insertInstance(instance);
    await transaction.planInventory([
      {
        instanceUid: uid,
        cluster: 'c',
        apiVersion: 'v1',
        kind: 'Secret',
        namespace: 'n',
        name: 'x',
        resourceId: 'r',
      },
    ]);
    throw fault;
  });
  await expect(work).rejects.toBe(fault);
  expect(await store.findInstanceOrTombstone(instance)).toBeUndefined();
});

test('what is no uid is not found, and no fault', async () => {
  expect(await store.findOperation('1; drop table operations')).toBeUndefined();
  expect(await store.findInstanceByUid('')).toBeUndefined();
  expect(await store.findBindingByUid('x'.repeat(36))).toBeUndefined();
  expect(await store.listInventory('x')).toEqual([]);
  expect(await store.latestInstanceOperation('x')).toBeUndefined();
  expect(await store.findUpdateTarget('x')).toBeUndefined();
});

test('a plan revision and its charts are stored once and read as they were', async () => {
  const revision = {
    ...testRevision,
    digest: 'revision-2',
    set: { name: '😀', deep: [1.5, null, { a: true }] },
  };
  const archive = randomBytes(10_000);
  await Promise.all([1, 2, 3].map(() => store.putRevision(revision, new Map([['chart-2', archive]]))));
  await store.putRevision(
    { ...revision, planName: 'changed' },
    new Map([['chart-2', Buffer.from('changed')]]),
  );
  expect(await store.findRevision('revision-2')).toEqual(revision);
  expect(await store.findChart('chart-2')).toEqual(archive);
  expect(await store.findRevision('unknown')).toBeUndefined();
  expect(await store.findChart('unknown')).toBeUndefined();
});

test('a chart that was fetched is kept under the digest of its bytes, and under no other', async () => {
  const archive = Buffer.from('a packed chart');
  const digest = `sha256:${createHash('sha256').update(archive).digest('hex')}`;
  expect(await store.chartDownloads.find(digest)).toBeUndefined();
  await store.chartDownloads.keep(digest, { archive, provenance: 'signed' });
  // Another plan that wants no signature does not take it from the first.
  await Promise.all([1, 2].map(() => store.chartDownloads.keep(digest, { archive })));
  expect(await store.chartDownloads.find(digest)).toEqual({ archive, provenance: 'signed' });
  await expect(store.chartDownloads.keep(digest, { archive: Buffer.from('other') })).rejects.toThrow();
});

test('the inventory keeps its order, and what is known stays as it is', async () => {
  const { uid: instanceUid } = await insert();
  const item = (name: string, kind = 'Secret') => ({
    ...{ instanceUid, cluster: 'inventory', apiVersion: 'v1', kind, namespace: 'n', name, resourceId: 'r' },
  });
  await store.transact((transaction) => transaction.planInventory([item('b'), item('a')]));
  await store.transact((transaction) =>
    transaction.recordApplied(item('b'), {
      ...{ objectUid: 'object-uid', appliedDigest: 'digest', appliedGeneration: 7 },
    }),
  );
  await store.transact(async (transaction) => {
    await transaction.planInventory([item('a'), item('b'), item('c', 'Service')]);
    await transaction.planInventory([]);
  });
  expect(await store.listInventory(instanceUid)).toEqual([
    { ...item('b'), objectUid: 'object-uid', appliedDigest: 'digest', appliedGeneration: 7 },
    item('a'),
    item('c', 'Service'),
  ]);
  expect(await store.kindsInUse('inventory')).toEqual([
    { apiVersion: 'v1', kind: 'Secret' },
    { apiVersion: 'v1', kind: 'Service' },
  ]);
  await store.transact((transaction) => transaction.removeInventory(item('c', 'Service')));
  expect(await store.kindsInUse('inventory')).toEqual([{ apiVersion: 'v1', kind: 'Secret' }]);
  expect(await store.kindsInUse('another')).toEqual([]);
});

test('what is made outside of clusters is in the inventory, and nothing to watch', async () => {
  const { uid: instanceUid } = await insert();
  const item = {
    ...{ instanceUid, cluster: noCluster, apiVersion: 'chandler.dev/external', kind: 'fake' },
    ...{ namespace: '', name: 'x', resourceId: 'r' },
  };
  await store.transact((transaction) => transaction.planInventory([item]));
  expect(await store.listInventory(instanceUid)).toEqual([item]);
  expect(await store.kindsInUse(noCluster)).toEqual([]);
});

test('a lease has one holder, until it lets go or its time is over', async () => {
  expect(await store.holdLease('watcher', 'a', 60)).toBe(true);
  expect(await store.holdLease('watcher', 'a', 60)).toBe(true);
  expect(await store.holdLease('watcher', 'b', 60)).toBe(false);
  await store.releaseLease('watcher', 'b');
  expect(await store.holdLease('watcher', 'b', 60)).toBe(false);
  await store.releaseLease('watcher', 'a');
  expect(await store.holdLease('watcher', 'b', 0.05)).toBe(true);
  await new Promise((resolve) => setTimeout(resolve, 80));
  expect(await store.holdLease('watcher', 'a', 60)).toBe(true);
});

test('of many who want a lease at once one gets it', async () => {
  const results = await Promise.all(
    Array.from({ length: 8 }, (_, index) => store.holdLease('many', `${index}`, 60)),
  );
  expect(results.filter(Boolean)).toHaveLength(1);
});

test('operations: latest and active ones of instance and binding', async () => {
  const instance = await insert();
  const binding = await insertBinding(instance);
  const [provision, deprovision, bind] = await store.transact(async (transaction) => {
    const first = await transaction.enqueueOperation(newOperation(instance));
    await transaction.cancelOperation(first.uid, 'cancelled');
    return [
      first,
      await transaction.enqueueOperation(newOperation(instance, { type: 'deprovision' })),
      await transaction.enqueueOperation(newOperation(binding)),
    ];
  });
  // Made within one transaction, still told apart.
  expect((await store.latestInstanceOperation(instance.uid))?.uid).toBe(deprovision.uid);
  expect((await store.latestBindingOperation(binding.uid))?.uid).toBe(bind.uid);
  expect(await store.findOperation(provision.uid)).toMatchObject({
    state: 'failed',
    errorCode: 'Cancelled',
    fence: 1,
  });
  await store.transact(async (transaction) => {
    expect((await transaction.activeInstanceOperation(instance.uid))?.uid).toBe(deprovision.uid);
    expect((await transaction.activeBindingOperation(binding.uid))?.uid).toBe(bind.uid);
    expect((await transaction.activeBindingOperations(instance.uid)).map(({ uid }) => uid)).toEqual([
      bind.uid,
    ]);
  });
});
