import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import {
  type Bound,
  bindSpec,
  describeEachPostgresql,
  type PostgresqlBench,
  provider,
} from '../../test/support/each-postgresql.ts';
import { asAdmin } from '../engines/postgresql/connection.ts';

// What a tenant can do, as the login itself, to be hard to remove.
const ownedByLogin = [
  'set role none',
  'create schema mine',
  'create table mine.numbers (n serial primary key)',
  'insert into mine.numbers default values',
  'create view mine.seen as select * from mine.numbers',
  "create type mine.mood as enum ('glad')",
  'create function mine.one() returns int language sql as $$ select 1 $$',
  'create publication mine for table mine.numbers',
  "select lo_from_bytea(0, 'large')",
  'alter default privileges grant select on tables to public',
  'create temporary table passing (n int)',
  'grant select on mine.numbers to public',
];

// An operator and a function that win over the built-in ones for whoever trusts the tenant's search_path. The low cost
// makes Postgres evaluate the operator before other conditions.
const traps = [
  'create table hits (by text)',
  'grant insert on hits to public',
  `create function trap() returns void language sql as $$ insert into public.hits values (current_user) $$`,
  `create function equal(a name, b name) returns boolean language plpgsql cost 0.0001 as $$
     begin perform public.trap(); return a operator(pg_catalog.=) b; end $$`,
  'create operator = (leftarg = name, rightarg = name, function = equal)',
  `create function pg_terminate_backend(pid int) returns boolean language plpgsql as $$
     begin perform public.trap(); return true; end $$`,
];

describeEachPostgresql('the end of a binding', (bench) => {
  test('its password is refused, its open session is gone, and what it made stays for the others', async () => {
    const instance = await bench.preparedInstance();
    const [leaving, staying] = [await bench.bind(instance), await bench.bind(instance)];
    await bench.run(leaving.uri, 'create table cats (name text)', "insert into cats values ('Tom')");
    const session = await bench.connect(leaving.uri);
    await session.query('begin');
    await session.query('lock table cats in access exclusive mode');

    await bench.revoke(leaving);

    await expect(session.query('select 1')).rejects.toThrow();
    await expect(bench.run(leaving.uri, 'select 1')).rejects.toMatchObject({ code: '28P01' });
    expect(await sessionsOf(bench, leaving)).toBe(0);
    expect((await bench.run(staying.uri, 'select * from cats')).rows).toEqual([{ name: 'Tom' }]);
    await bench.run(staying.uri, 'drop table cats');
  });

  test('its role stays until the last of its sessions is really gone', async () => {
    const leaving = await bench.bind(await bench.preparedInstance());
    const session = await bench.connect(leaving.uri);
    const { rows } = await session.query<{ pid: number }>('select pg_backend_pid() as pid');
    const pid = rows[0]?.pid ?? 0;
    process.kill(pid, 'SIGSTOP');
    const revoking = bench.revoke(leaving);
    try {
      await sleep(500);
      expect(await roleExists(bench, leaving)).toBe(true);
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    await revoking;
    expect(await roleExists(bench, leaving)).toBe(false);
    expect(await sessionsOf(bench, leaving)).toBe(0);
  });

  test('nothing that a tenant does keeps its login alive, and its data goes to the owner', async () => {
    const instance = await bench.preparedInstance();
    const [leaving, staying] = [await bench.bind(instance), await bench.bind(instance)];
    const { database, username } = leaving;
    await bench.run(leaving.uri, ...traps);
    await bench.run(leaving.uri, ...ownedByLogin);
    await bench.run(
      leaving.uri,
      'create table shared (n int)',
      `grant all on shared to ${username} with grant option`,
      'set role none',
      `grant select on shared to ${staying.username}`,
      `alter role ${username} password 'my-own-password'`,
      `alter role ${username} set statement_timeout = '1ms'`,
      `alter role ${username} in database ${database} reset role`,
    );
    for (const setting of [
      'search_path = public, pg_catalog',
      "statement_timeout = '1ms'",
      'default_transaction_read_only = on',
    ]) {
      await bench.server.asSuperuser(`alter database ${database} set ${setting}`);
    }
    const session = await bench.connect(
      leaving.uri
        .replace(leaving.password.reveal(), 'my-own-password')
        .concat('&options=-cstatement_timeout=0'),
    );
    await session.query('begin read write');
    await session.query('lock table mine.numbers in access exclusive mode');

    const started = performance.now();
    await provider.prepare(bindSpec, instance);
    await bench.revoke(leaving);
    expect(performance.now() - started).toBeLessThan(10_000);

    for (const setting of ['search_path', 'statement_timeout', 'default_transaction_read_only']) {
      await bench.server.asSuperuser(`alter database ${database} reset ${setting}`);
    }
    expect(await roleExists(bench, leaving)).toBe(false);
    expect(await sessionsOf(bench, leaving)).toBe(0);
    await expect(session.query('select 1')).rejects.toThrow();
    expect((await bench.run(staying.uri, 'select * from hits')).rows).toEqual([]);
    const owned = await bench.run(
      staying.uri,
      `select n::text from mine.seen union all select lomowner::regrole::text from pg_largeobject_metadata
         union all select pubowner::regrole::text from pg_publication`,
    );
    expect(owned.rows.map((row: { n: string }) => row.n)).toEqual([
      '1',
      `${database}_owner`,
      `${database}_owner`,
    ]);
    await bench.run(staying.uri, 'drop schema mine cascade');
    expect(await bench.adminMemberships()).toEqual([]);
  });

  test('a grant that another tenant gave it in a database of its own does not stop the end', async () => {
    const leaving = await bench.bind(await bench.preparedInstance());
    const other = await bench.bind(await bench.preparedInstance());
    await bench.run(
      other.uri,
      'create table bait (n int)',
      `grant select on bait to ${leaving.username}`,
      `alter default privileges grant select on tables to ${leaving.username}`,
    );
    await bench.revoke(leaving);
    expect(await roleExists(bench, leaving)).toBe(false);
    await bench.run(other.uri, 'select * from bait');
  });

  test('grants it made by a right that it lost since keep a role without login and rights, and an admin is told', async () => {
    const instance = await bench.preparedInstance();
    const [leaving, staying] = [await bench.bind(instance), await bench.bind(instance)];
    await bench.run(
      leaving.uri,
      'create table t (n int)',
      `grant all on t to ${leaving.username} with grant option`,
      'set role none',
      `grant select on t to ${staying.username}`,
      'reset role',
      `revoke all on t from ${leaving.username}`,
    );
    await expect(bench.revoke(leaving)).rejects.toMatchObject({
      code: 'CredentialsRejected',
      message: expect.stringContaining('grants that it made') as string,
    });
    await expect(bench.run(leaving.uri, 'select 1')).rejects.toMatchObject({ code: '28P01' });
    const { rowCount } = await bench.server.asSuperuser(
      `select from pg_auth_members where member = '${leaving.username}'::regrole`,
    );
    expect(rowCount).toBe(0);

    await bench.run(staying.uri, 'drop table t');
    await bench.revoke(leaving);
    expect(await roleExists(bench, leaving)).toBe(false);
  });

  test('while another session locks what the login owns, the password is dead already and the next try completes', async () => {
    const instance = await bench.preparedInstance();
    const [leaving, staying] = [await bench.bind(instance), await bench.bind(instance)];
    await bench.run(leaving.uri, 'set role none', 'create table own (n int)', 'grant all on own to public');
    const session = await bench.connect(staying.uri);
    await session.query('begin');
    await session.query('select * from own');

    await expect(bench.revoke(leaving)).rejects.toMatchObject({ code: 'ServerUnreachable', retry: true });
    await expect(bench.run(leaving.uri, 'select 1')).rejects.toMatchObject({ code: '28P01' });
    expect(await bench.adminMemberships()).toEqual([]);

    await session.query('commit');
    await bench.revoke(leaving);
    await bench.run(staying.uri, 'drop table own');
  }, 20_000);

  test.each([
    ['the password was taken', []],
    ['the admin became a member', ['grant-membership']],
    ['its objects were handed over', ['grant-membership', 'reassign']],
  ])('revoke completes what a crash left after %s', async (_where, steps) => {
    const leaving = await bench.bind(await bench.preparedInstance());
    const { username, database } = leaving;
    await bench.run(leaving.uri, 'set role none', 'create table own (n int)');
    await bench.run(bench.adminUri(), `alter role ${username} nologin password null`);
    if (steps.includes('grant-membership')) {
      const options = bench.version === 15 ? '' : ' with inherit true, set true';
      await bench.run(bench.adminUri(), `grant ${username} to current_user${options}`);
    }
    if (steps.includes('reassign')) {
      await bench.run(bench.adminUri(database), `reassign owned by ${username} to ${database}_owner`);
    }

    await bench.revoke(leaving);
    expect(await roleExists(bench, leaving)).toBe(false);
    expect(await bench.adminMemberships()).toEqual([]);
    await bench.run((await bench.bind(leaving.instance)).uri, 'drop table own');
  });

  test('a login can be revoked when its database and its owner role are gone already', async () => {
    const leaving = await bench.bind(await bench.preparedInstance());
    const { username, database } = leaving;
    await bench.run(bench.adminUri(), `drop database ${database}`, `drop role ${database}_owner`);
    await bench.revoke(leaving);
    expect(await roleExists(bench, { username })).toBe(false);
  });

  test('a process that stands still with the lock of a login loses it, so that another may end the login', async () => {
    const { reach, admin } = await bench.preparedInstance();
    const idle = await asAdmin({ ...reach, ...admin }, 'postgres', async (session) => {
      const { rows } = await session.query<{ seconds: number }>(
        "select extract(epoch from current_setting('idle_session_timeout')::interval)::int as seconds",
      );
      return rows[0]?.seconds ?? 0;
    });
    expect(idle).toBeGreaterThan(15);
    expect(idle).toBeLessThanOrEqual(30);
  });
});

async function sessionsOf(bench: PostgresqlBench, bound: Bound): Promise<number> {
  const { rowCount } = await bench.server.asSuperuser(
    `select from pg_stat_activity where datname = '${bound.database}' and usename is distinct from 'postgres'`,
  );
  return rowCount ?? 0;
}

async function roleExists(bench: PostgresqlBench, bound: Pick<Bound, 'username'>): Promise<boolean> {
  const { rowCount } = await bench.server.asSuperuser(
    `select from pg_roles where rolname = '${bound.username}'`,
  );
  return rowCount === 1;
}
