import { expect, test } from 'vitest';
import { bindSpec, describeEachPostgresql, provider, textOf } from '../../test/support/each-postgresql.ts';
import { instanceIdentifiers } from '../engines/postgresql/identifiers.ts';
import { Redacted } from '../lib/redacted.ts';

describeEachPostgresql('the life of a binding', (bench) => {
  test('a binding gets entries that a Secret can hold and a URI that an app can use as it is', async () => {
    const instance = await bench.preparedInstance();
    const binding = bench.newBinding();
    const entries = (
      await provider.create(bindSpec, { ...instance, address: { host: 'db.ns', port: 5432 } }, binding)
    ).reveal();

    const [database, username] = [textOf(entries, 'database'), textOf(entries, 'username')];
    const password = binding.password.reveal();
    expect(entries).toEqual({
      type: 'postgresql',
      provider: 'chandler',
      host: 'db.ns',
      port: 5432,
      database: instance.instanceName.replace('-', '_'),
      username: binding.bindingName.replace('-', '_'),
      password,
      uri: `postgresql://${username}:${password}@db.ns:5432/${database}?sslmode=disable`,
      'jdbc-url': `jdbc:postgresql://db.ns:5432/${database}?user=${username}&password=${password}&sslmode=disable`,
      sslmode: 'disable',
    });
    const uri = textOf(entries, 'uri').replace('db.ns:5432', `${instance.reach.host}:${instance.reach.port}`);
    const { rows } = await bench.run(uri, 'select session_user::text, current_user::text');
    expect(rows).toEqual([{ session_user: username, current_user: `${database}_owner` }]);
  });

  test('lists the logins of one instance that can log in, by the names it gives bindings', async () => {
    const [instance, other] = [await bench.preparedInstance(), await bench.preparedInstance()];
    const [first, second] = [bench.newBinding(), bench.newBinding()];
    expect(await provider.listLogins(bindSpec, instance)).toEqual([]);
    for (const each of [first, second]) await provider.create(bindSpec, instance, each);
    await provider.create(bindSpec, other, bench.newBinding());
    const names = [first, second].map(({ bindingName }) => provider.loginName(bindingName));
    expect(await provider.listLogins(bindSpec, instance)).toEqual(names.toSorted());
    await provider.revoke(bindSpec, instance, first);
    expect(await provider.listLogins(bindSpec, instance)).toEqual([names[1]]);
  });

  test('two bindings are different users that own everything together', async () => {
    const instance = await bench.preparedInstance();
    const [first, second] = [await bench.bind(instance), await bench.bind(instance)];
    expect(first.username).not.toBe(second.username);

    await bench.run(first.uri, 'create table cats (name text)', "insert into cats values ('Tom')");
    await bench.run(first.uri, 'create schema s create table s.dogs (name text)');
    await bench.run(second.uri, 'alter table cats add column age int', 'drop schema s cascade');
    expect((await bench.run(first.uri, 'select * from cats')).rows).toEqual([{ name: 'Tom', age: null }]);
    await bench.run(second.uri, 'drop table cats');
  });

  test('what pools do between two users of a connection keeps it acting as the owner', async () => {
    const { uri, database } = await bench.bind(await bench.preparedInstance());
    for (const statement of ['reset role', 'discard all', 'reset all']) {
      const { rows } = await bench.run(uri, statement, 'select current_user::text as acting');
      expect(rows, statement).toEqual([{ acting: `${database}_owner` }]);
    }
  });

  test('the connection limit of the plan holds for each binding', async () => {
    const instance = await bench.preparedInstance();
    const binding = bench.newBinding();
    const made = (await provider.create({ ...bindSpec, connectionLimit: 1 }, instance, binding)).reveal();
    await bench.connect(textOf(made, 'uri'));
    await expect(bench.connect(textOf(made, 'uri'))).rejects.toMatchObject({ code: '53300' });
  });

  test('the login of a binding that expires stops working then, and lives on as soon as it no longer expires', async () => {
    const instance = await bench.preparedInstance();
    const binding = bench.newBinding();
    const bound = await bench.bind(instance, { ...binding, expiresAt: new Date(Date.now() + 3_600_000) });
    const validUntil = 'select rolvaliduntil as until from pg_roles where rolname = current_user';
    const session = await bench.connect(bound.uri);
    await session.query('reset role');
    await session.query(`set role ${bound.username}`);
    const { rows } = await session.query<{ until: Date }>(validUntil);
    expect(rows).toEqual([{ until: bound.expiresAt }]);

    await bench.run(bench.adminUri(), `alter role ${bound.username} valid until 'yesterday'`);
    await expect(bench.run(bound.uri, 'select 1')).rejects.toMatchObject({ code: '28P01' });
    // Whoever is logged in already stays; a platform ends the binding by unbinding it.
    await session.query('select 1');
    expect((await bench.bind(instance, binding)).uri).toBe(bound.uri);
    await bench.run(bound.uri, 'select 1');
  });

  test('every step may run again', async () => {
    const instance = await bench.preparedInstance();
    const bound = await bench.bind(instance);
    await bench.run(bound.uri, 'create table kept (n int)');

    await provider.prepare(bindSpec, instance);
    expect(await bench.bind(instance, bound)).toEqual(bound);
    await bench.run(bound.uri, 'select * from kept');
    await bench.revoke(bound);
    await bench.revoke(bound);
    await provider.prepare(bindSpec, instance);
    await bench.run((await bench.bind(instance)).uri, 'select * from kept');
  });

  test('revoking a binding that was never made is success', async () => {
    const instance = bench.newInstance();
    await provider.revoke(bindSpec, instance, bench.newBinding());
    await provider.prepare(bindSpec, instance);
    await provider.revoke(bindSpec, instance, bench.newBinding());
  });

  test.each([
    ['the role', (owner: string) => [`create role ${owner} nologin`]],
    [
      'the database',
      (_owner: string, database: string) => [`create database ${database} template template0`],
    ],
    [
      'role and database',
      (owner: string, database: string) => [
        `create role ${owner} nologin`,
        `grant ${owner} to current_user`,
        `create database ${database} template template0`,
        `revoke all on database ${database} from public`,
      ],
    ],
  ])('prepare completes what a crash left after it had made %s', async (_made, statements) => {
    const instance = bench.newInstance();
    const { owner, database } = instanceIdentifiers(instance.instanceName);
    for (const statement of statements(owner, database)) await bench.run(bench.adminUri(), statement);

    await provider.prepare(bindSpec, instance);
    const [first, second] = [await bench.bind(instance), await bench.bind(instance)];
    await bench.run(first.uri, 'create table t (n int)');
    await bench.run(second.uri, 'drop table t');
  });

  test('create completes a login that lacks everything, and its old password stops working', async () => {
    const instance = await bench.preparedInstance();
    const binding = bench.newBinding();
    const old = await bench.bind(instance, { ...binding, password: new Redacted('the-old-one') });
    await bench.run(
      bench.adminUri(),
      `alter role ${old.username} nologin connection limit 0`,
      `alter role ${old.username} in database ${old.database} reset all`,
      `revoke ${old.database}_owner from ${old.username}`,
    );

    const bound = await bench.bind(instance, binding);
    await bench.run(bound.uri, 'create table t (n int)');
    await expect(bench.run(old.uri, 'select 1')).rejects.toMatchObject({ code: '28P01' });
  });

  test('the tenant may drop the schema public, and prepare leaves a new one alone', async () => {
    const instance = await bench.preparedInstance();
    const { uri } = await bench.bind(instance);
    await bench.run(uri, 'drop schema public');
    await provider.prepare(bindSpec, instance);
    await bench.run(uri, 'create schema public', 'create table t (n int)');
    await provider.prepare(bindSpec, instance);
    await bench.run(uri, 'drop table t');
  });

  test('32 binds of one instance at once succeed, each preparing it too, and 32 revokes after them', async () => {
    const instance = bench.newInstance();
    const bound = await Promise.all(
      Array.from({ length: 32 }, async () => {
        await provider.prepare(bindSpec, instance);
        return bench.bind(instance);
      }),
    );
    expect(new Set(bound.map(({ username }) => username)).size).toBe(32);
    await Promise.all(bound.map(({ uri }) => bench.run(uri, 'select 1')));
    await Promise.all(bound.map((one) => bench.revoke(one)));
    for (const { uri } of bound) {
      await expect(bench.run(uri, 'select 1')).rejects.toMatchObject({ code: '28P01' });
    }
  }, 60_000);

  test('a role that was set for the admin does not take its rights away', async () => {
    const { username } = bench.server.admin;
    const other = instanceIdentifiers((await bench.preparedInstance()).instanceName).owner;
    await bench.server.asSuperuser(`alter role ${username} set role = ${other}`);
    try {
      const bound = await bench.bind(await bench.preparedInstance());
      await bench.revoke(bound);
    } finally {
      await bench.server.asSuperuser(`alter role ${username} reset role`);
    }
  });

  test('the log of the server holds every statement and no password', async () => {
    const bound = await bench.bind(await bench.preparedInstance());
    await bench.revoke(bound);
    const log = await bench.server.log();
    expect(log).toContain(`create role "${bound.username}"`);
    expect(log).toContain('SCRAM-SHA-256$');
    expect(log).not.toContain(bound.password.reveal());
    expect(log).not.toContain(bench.server.admin.password.reveal());
  });
});
