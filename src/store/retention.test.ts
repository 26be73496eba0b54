/** What is over goes in time, and nothing else ever does. */
import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { queryDatabase } from '../../test/support/postgres.ts';
import {
  newBinding,
  newInstance,
  newOperation,
  openTestStore,
  type TestStore,
  testRevision,
} from '../../test/support/store.ts';
import type { ServiceBinding } from '../domain/binding.ts';
import type { ServiceInstance } from '../domain/instance.ts';
import { Redacted } from '../lib/redacted.ts';

let opened: TestStore;
beforeAll(async () => {
  opened = await openTestStore();
  await opened.store.putRevision(testRevision, new Map());
});
afterAll(() => opened?.close());
beforeEach(() =>
  run('truncate operations, inventory, observed_objects, service_bindings, service_instances'),
);

const run = <Row extends Record<string, unknown>>(sql: string, values: unknown[] = []) =>
  queryDatabase<Row>(opened.url, sql, values);
const retire = (limit = 1000) => opened.store.sweeps.retire(30, limit);

const insertInstance = (instanceId: string) =>
  opened.store.transact((transaction) =>
    transaction.insertInstance(
      newInstance({
        ...{ instanceId, context: { secret: 'context-canary' }, parameters: { secret: 'parameter-canary' } },
        generated: new Redacted({ admin: { password: 'generated-canary' } }),
      }),
    ),
  );
const insertBinding = (instance: ServiceInstance, bindingId: string) =>
  opened.store.transact((transaction) =>
    transaction.insertBinding(newBinding(instance, { bindingId, password: new Redacted('password-canary') })),
  );

/** An operation that ended so many days ago; in progress without them. */
async function operation(of: ServiceInstance | ServiceBinding, days?: number): Promise<string> {
  const { uid } = await opened.store.transact((transaction) =>
    transaction.enqueueOperation(
      newOperation(of, { originatingIdentity: { platform: 'test', value: { user: 'identity-canary' } } }),
    ),
  );
  if (days !== undefined) {
    await run(
      `update operations set state = 'succeeded', finished_at = now() - $2 * interval '1 day' where uid = $1`,
      [uid, days],
    );
  }
  return uid;
}

async function repair(of: ServiceInstance, days: number): Promise<string> {
  const uid = await operation(of, days);
  await run(`update operations set type = 'repair' where uid = $1`, [uid]);
  return uid;
}

function end(table: 'service_instances' | 'service_bindings', uid: string, days: number) {
  const state = table === 'service_instances' ? 'deprovisioned' : 'unbound';
  return run(`update ${table} set state = $3, updated_at = now() - $2 * interval '1 day' where uid = $1`, [
    uid,
    days,
    state,
  ]);
}

const uidsIn = async (table: string) =>
  (await run<{ uid: string }>(`select uid from ${table}`)).map(({ uid }) => uid);

describe('finished operations', () => {
  test('go when they are old, but not the newest of an instance or a binding', async () => {
    const instance = await insertInstance('one');
    const binding = await insertBinding(instance, 'one');
    await operation(instance, 50);
    const young = await operation(instance, 29);
    const newest = await operation(instance, 40);
    await operation(binding, 60);
    const bind = await operation(binding, 31);
    expect(await retire()).toMatchObject({ operations: 2, tombstones: 0, emptied: 0 });
    expect((await uidsIn('operations')).sort()).toEqual([young, newest, bind].sort());
  });

  test('that a repair followed stay, for last_operation tells of them and not of the repair', async () => {
    const instance = await insertInstance('one');
    const provision = await operation(instance, 60);
    await repair(instance, 50);
    const newest = await repair(instance, 40);
    expect((await retire()).operations).toBe(1);
    expect((await uidsIn('operations')).sort()).toEqual([provision, newest].sort());
    expect((await opened.store.latestInstanceOperation(instance.uid))?.uid).toBe(provision);
  });

  test('go in batches', async () => {
    const instance = await insertInstance('one');
    for (let days = 60; days > 50; days -= 1) await operation(instance, days);
    expect((await retire(4)).operations).toBe(4);
    expect((await retire(4)).operations).toBe(4);
    expect((await retire(4)).operations).toBe(1);
  });
});

describe('tombstones', () => {
  test('that a newer life of their id replaced go, with all that hangs on them', async () => {
    const first = await insertInstance('one');
    const binding = await insertBinding(first, 'one');
    await operation(first, 40);
    await operation(binding, 40);
    await opened.store.transact((transaction) =>
      transaction.planInventory([
        {
          ...{ instanceUid: first.uid, cluster: 'local', apiVersion: 'v1', kind: 'Secret', namespace: 'a' },
          ...{ name: 'a', resourceId: 'a' },
        },
      ]),
    );
    await end('service_bindings', binding.uid, 40);
    await end('service_instances', first.uid, 40);
    const second = await insertInstance('one');
    const again = await insertBinding(second, 'one');
    expect(await retire()).toMatchObject({ tombstones: 2 });
    expect(await uidsIn('service_instances')).toEqual([second.uid]);
    expect(await uidsIn('service_bindings')).toEqual([again.uid]);
    expect(await run('select * from operations')).toEqual([]);
    expect(await run('select * from inventory')).toEqual([]);
  });

  test('that are the newest of their id stay, so that its next life has other names, and are emptied', async () => {
    const instance = await insertInstance('one');
    const binding = await insertBinding(instance, 'one');
    await opened.store.transact((transaction) =>
      transaction.setBindingCredentials(binding.uid, new Redacted({ secret: 'credential-canary' })),
    );
    await operation(instance, 40);
    await operation(binding, 40);
    await end('service_bindings', binding.uid, 40);
    await end('service_instances', instance.uid, 40);
    expect(await retire()).toMatchObject({ tombstones: 0, emptied: 2 });
    expect(await retire()).toMatchObject({ emptied: 0 });

    const left = await opened.store.findInstanceByUid(instance.uid);
    expect(left).toMatchObject({ state: 'deprovisioned', context: {}, parameters: {}, outputs: {} });
    expect(left?.generated.reveal()).toEqual({});
    const unbound = await opened.store.findBindingByUid(binding.uid);
    expect(unbound).toMatchObject({ state: 'unbound', context: {}, parameters: {} });
    expect(unbound?.password.reveal()).toBe('');
    expect(unbound?.credentials).toBeUndefined();
    expect(await run('select 1 from operations where originating_identity_sealed is not null')).toEqual([]);
    expect((await insertInstance('one')).externalName).not.toBe(instance.externalName);
  });

  test('of instances stay for as long as one of their bindings is the newest of its id', async () => {
    const first = await insertInstance('one');
    const binding = await insertBinding(first, 'only here');
    await end('service_bindings', binding.uid, 40);
    await end('service_instances', first.uid, 40);
    await insertInstance('one');
    expect(await retire()).toMatchObject({ tombstones: 0, emptied: 2 });
  });
});

test('sightings go with their instance, and the others stay', async () => {
  const [live, gone] = [await insertInstance('live'), await insertInstance('gone')];
  await end('service_instances', gone.uid, 40);
  const see = (name: string, instanceUid: string, days: number, goneAt: string | null = null) =>
    run(
      `insert into observed_objects (cluster, uid, instance_uid, api_version, kind, namespace, name, resource_version, object, observed_at, gone_at)
       values ('local', $1, $2, 'v1', 'Pod', 'a', $3, '1', '{}', now() - $4 * interval '1 day', $5)`,
      [randomUUID(), instanceUid, name, days, goneAt],
    );
  await see('of the living', live.uid, 90);
  await see('of the gone', gone.uid, 90);
  await see('of the gone, lately', gone.uid, 1);
  await see('of nobody', 'no uuid', 90);
  await see('gone itself', live.uid, 1, new Date(Date.now() - 3_600_000).toISOString());
  expect(await retire()).toMatchObject({ observed: 3 });
  expect((await run('select name from observed_objects order by name')).map(({ name }) => name)).toEqual([
    'of the gone, lately',
    'of the living',
  ]);
});

/** One life of an id: for how many days it has been over, if it is, and how long before that its operations ended. */
const life = fc.record({
  over: fc.integer({ min: 0, max: 60 }),
  operations: fc.array(fc.integer({ min: 0, max: 60 }), { maxLength: 3 }),
});
const history = fc.record({
  lives: fc.array(
    fc.record({
      instance: life,
      bindings: fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c'), life), { maxLength: 3 }),
    }),
    {
      minLength: 1,
      maxLength: 3,
    },
  ),
  /** The last life goes on. */
  livesOn: fc.boolean(),
  working: fc.boolean(),
});

test('nothing that lives, works, is young or is the newest of its id is ever touched', {
  timeout: 120_000,
}, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(history, { minLength: 1, maxLength: 2 }), async (histories) => {
      await run('truncate operations, inventory, observed_objects, service_bindings, service_instances');
      for (const [index, { lives, livesOn, working }] of histories.entries()) {
        for (const [at, { instance: own, bindings }] of lives.entries()) {
          const isLast = at === lives.length - 1;
          const instance = await insertInstance(`instance ${index}`);
          for (const days of own.operations) await operation(instance, own.over + days);
          for (const [id, past] of bindings) {
            // An id that is in use is not bound again.
            const key = { platform: 'test', instanceId: instance.instanceId, bindingId: `${index} ${id}` };
            if ((await opened.store.findBinding(key)) !== undefined) continue;
            const binding = await insertBinding(instance, key.bindingId);
            for (const days of past.operations) await operation(binding, past.over + days);
            const stays = isLast && livesOn && past.over < 30;
            if (!stays) await end('service_bindings', binding.uid, past.over);
          }
          if (isLast && working) await operation(instance);
          if (!(isLast && livesOn)) await end('service_instances', instance.uid, own.over);
        }
      }
      const kept = async () => ({
        instances: await run(
          `select * from service_instances where state <> 'deprovisioned' or updated_at > now() - interval '30 days' order by uid`,
        ),
        bindings: await run(
          `select * from service_bindings where state <> 'unbound' or updated_at > now() - interval '30 days' order by uid`,
        ),
        incarnations: await run(
          `select platform, instance_id as id, max(incarnation) from service_instances group by 1, 2
           union all select platform, binding_id, max(incarnation) from service_bindings group by 1, 2 order by 1, 2`,
        ),
        operations: await run(
          `select uid, state, finished_at from operations
           where state = 'in progress' or finished_at > now() - interval '30 days' and (
             exists (select 1 from service_instances i where i.uid = instance_uid and (state <> 'deprovisioned' or i.updated_at > now() - interval '30 days')))
           order by uid`,
        ),
        newest: await run(
          `select max(position) from operations
           where instance_uid in (select uid from service_instances where state <> 'deprovisioned')
             and (binding_uid is null or binding_uid in (select uid from service_bindings where state <> 'unbound'))
           group by instance_uid, binding_uid order by 1`,
        ),
      });
      const before = await kept();
      for (let batch = 0; batch < 5; batch += 1) await retire(3);
      expect(await kept()).toEqual(before);
      // Every row that is left opens.
      for (const uid of await uidsIn('service_instances')) await opened.store.findInstanceByUid(uid);
      for (const uid of await uidsIn('service_bindings')) await opened.store.findBindingByUid(uid);
    }),
    { numRuns: 15 },
  );
});
