import { afterEach, beforeEach, expect, test } from 'vitest';
import { makeFirstTables } from '../../test/support/first-database.ts';
import { createTestDatabase, queryDatabase, type TestDatabase } from '../../test/support/postgres.ts';
import { migrate } from './migrate.ts';

let database: TestDatabase;

beforeEach(async () => {
  database = await createTestDatabase({ migrated: false });
});
afterEach(() => database.drop());

test('an empty database gets the schema, and a second run changes nothing', async () => {
  expect(await migrate(database.url)).toContain('0001-first-tables');
  expect(await migrate(database.url)).toEqual([]);
  const tables = await queryDatabase<{ name: string }>(
    database.url,
    `select table_name as name from information_schema.tables where table_schema = 'public'`,
  );
  expect(tables.map(({ name }) => name)).toEqual(
    expect.arrayContaining(['installation', 'service_instances', 'service_bindings', 'operations']),
  );
});

test('of several migrators at once one does it, and all succeed', async () => {
  const runs = await Promise.all([migrate(database.url), migrate(database.url), migrate(database.url)]);
  expect(runs.filter((names) => names.length > 0)).toHaveLength(1);
});

test('a migrator that was killed does not keep the next one out', async () => {
  // What knex leaves behind when it dies between taking and giving back its lock.
  await queryDatabase(
    database.url,
    'create table knex_migrations_lock (index serial primary key, is_locked integer)',
  );
  await queryDatabase(database.url, 'insert into knex_migrations_lock (is_locked) values (1)');
  expect(await migrate(database.url)).toContain('0001-first-tables');
});

test('a database that a newer Chandler migrated is left as it is', async () => {
  await migrate(database.url);
  await queryDatabase(
    database.url,
    `insert into knex_migrations (name, batch, migration_time) values ('9999-from-the-future', 2, now())`,
  );
  expect(await migrate(database.url)).toEqual([]);
});

test('a database that is in use keeps its rows, and they stand as if nothing had changed', async () => {
  await makeFirstTables(database.url);
  const uid = '00000000-0000-4000-8000-000000000001';
  for (const statement of [
    `insert into encryption_keys values ('k', 'c')`,
    `insert into plan_revisions values ('r', 's', 'p', '{}')`,
    `insert into service_instances (uid, platform, instance_id, incarnation, service_id, plan_id, plan_revision, state,
       organization_guid, space_guid, external_name, cluster, namespace, key_id, data_key, context_sealed,
       parameters_sealed, generated_sealed)
     values ('${uid}', 'cf', 'i', 1, 's', 'p', 'r', 'deprovision failed', 'o', 's', 'n', 'c', 'n', 'k', 'd', '', '', '')`,
    `insert into service_bindings (uid, platform, instance_id, binding_id, instance_uid, incarnation, service_id, plan_id,
       state, external_name, key_id, data_key, context_sealed, parameters_sealed, password_sealed)
     values ('${uid}', 'cf', 'i', 'b', '${uid}', 1, 's', 'p', 'bound', 'b', 'k', 'd', '', '', '')`,
    `insert into operations (uid, type, instance_uid, plan_revision, description, deadline)
     values ('${uid}', 'deprovision', '${uid}', 'r', '', now())`,
    `insert into inventory values ('${uid}', 'c', 'v1', 'Secret', 'n', 'x', default, null, 'r', 'u', 'd')`,
  ]) {
    await queryDatabase(database.url, statement);
  }

  expect(await migrate(database.url)).toContain('0002-osbapi');
  const rows = await queryDatabase(
    database.url,
    `select i.state, usable, dashboard_url, predecessor_binding_id, expires_at, renew_before, target_sealed,
            instance_usable, update_repeatable, object_uid, applied_generation
     from service_instances i, service_bindings, operations, inventory`,
  );
  expect(rows).toEqual([
    {
      ...{ state: 'deprovision failed', usable: true, dashboard_url: null, predecessor_binding_id: null },
      ...{ expires_at: null, renew_before: null, target_sealed: null, instance_usable: null },
      ...{ update_repeatable: null, object_uid: 'u', applied_generation: null },
    },
  ]);
  await queryDatabase(database.url, `update service_instances set state = 'updating'`);
});

test('Postgres out of reach is said as StoreUnavailable', async () => {
  await expect(migrate('postgresql://nobody:secret@127.0.0.1:1/none')).rejects.toMatchObject({
    code: 'StoreUnavailable',
  });
});
