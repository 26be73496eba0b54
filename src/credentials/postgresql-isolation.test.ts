import { beforeAll, expect, test } from 'vitest';
import { type Bound, describeEachPostgresql } from '../../test/support/each-postgresql.ts';

const refused: [string, (mine: Bound, sibling: Bound, foreign: Bound) => string][] = [
  ['create roles', () => 'create role intruder login'],
  ['create databases', () => 'create database intruder'],
  ['read files of the server', () => "select pg_read_file('PG_VERSION')"],
  ['load files of the server', () => "copy (select 1) to '/tmp/chandler-intruder'"],
  ['run programs on the server', () => "copy (select 1) to program 'true'"],
  ['read verifiers', () => 'select rolpassword from pg_authid'],
  ['change settings of its database', (mine) => `alter database ${mine.database} set work_mem = '1GB'`],
  ['drop its database', (mine) => `drop database ${mine.database}`],
  ['change a sibling', (_mine, sibling) => `alter role ${sibling.username} password 'taken'`],
  ['become a sibling', (_mine, sibling) => `set role ${sibling.username}`],
  ['become the admin', () => 'set role chandler_admin'],
  ['become the owner of another instance', (_m, _s, foreign) => `set role ${foreign.database}_owner`],
  ['give its rights away', (mine, _s, foreign) => `grant ${mine.database}_owner to ${foreign.username}`],
  [
    'end the sessions of another instance',
    (_m, _s, foreign) =>
      `select pg_terminate_backend(pid) from pg_stat_activity where usename = '${foreign.username}'`,
  ],
];

describeEachPostgresql('what a binding cannot do', (bench) => {
  let mine: Bound;
  let sibling: Bound;
  let foreign: Bound;

  beforeAll(async () => {
    const instance = await bench.preparedInstance();
    [mine, sibling] = [await bench.bind(instance), await bench.bind(instance)];
    foreign = await bench.bind(await bench.preparedInstance());
    await bench.connect(foreign.uri);
  });

  test.each(refused)('%s', async (_what, statement) => {
    // 42501 insufficient_privilege; as the login itself or as the owner makes no difference.
    const text = statement(mine, sibling, foreign);
    for (const statements of [[text], ['set role none', text]]) {
      await expect(bench.run(mine.uri, ...statements)).rejects.toMatchObject({ code: '42501' });
    }
  });

  test('connect to the database of another instance or to those of the server', async () => {
    for (const database of [foreign.database, 'postgres', 'template1']) {
      const uri = mine.uri.replace(mine.database, database);
      await expect(bench.run(uri, 'select 1'), database).rejects.toMatchObject({ code: '42501' });
    }
  });

  test('let everyone into its database', async () => {
    await bench.run(mine.uri, `grant connect on database ${mine.database} to public`).catch(() => undefined);
    const { rows } = await bench.server.asSuperuser(
      `select has_database_privilege('public', '${mine.database}', 'connect') as open`,
    );
    expect(rows).toEqual([{ open: false }]);
  });
});
