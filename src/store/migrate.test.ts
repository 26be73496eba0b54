import { afterEach, beforeEach, expect, test } from 'vitest';
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

test('Postgres out of reach is said as StoreUnavailable', async () => {
  await expect(migrate('postgresql://nobody:secret@127.0.0.1:1/none')).rejects.toMatchObject({
    code: 'StoreUnavailable',
  });
});
