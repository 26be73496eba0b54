import { expect, test } from 'vitest';
import { bindSpec, describeEachPostgresql, provider } from '../../test/support/each-postgresql.ts';

describeEachPostgresql('a binding that only reads', (bench) => {
  const readOnly = () => ({ ...bench.newBinding(), readOnly: true as const });

  test('reads what others made, before it was made and after, in every schema', async () => {
    const instance = await bench.preparedInstance();
    const writer = await bench.bind(instance);
    await bench.run(writer.uri, 'create table cats (name text)', "insert into cats values ('Tom')");
    await bench.run(writer.uri, 'create schema old create table old.dogs (name text)');
    const reader = await bench.bind(instance, readOnly());
    await bench.run(
      writer.uri,
      'create table birds (name text)',
      'create schema new create table new.fish ()',
    );

    expect((await bench.run(reader.uri, 'select * from cats')).rows).toEqual([{ name: 'Tom' }]);
    for (const table of ['birds', 'old.dogs', 'new.fish']) {
      expect((await bench.run(reader.uri, `select * from ${table}`)).rowCount, table).toBe(0);
    }
  });

  test('changes nothing and makes nothing, whatever it sets', async () => {
    const instance = await bench.preparedInstance();
    const writer = await bench.bind(instance);
    await bench.run(writer.uri, 'create table cats (name text)');
    const reader = await bench.bind(instance, readOnly());
    expect((await bench.run(reader.uri, 'show transaction_read_only')).rows).toEqual([
      { transaction_read_only: 'on' },
    ]);
    for (const statement of [
      "insert into cats values ('Tom')",
      'delete from cats',
      'drop table cats',
      'create table dogs ()',
      'create temporary table dogs ()',
      'create schema s',
      `set role ${writer.database}_owner`,
    ]) {
      const writes = bench.run(reader.uri, 'set default_transaction_read_only = off', statement);
      await expect(writes, statement).rejects.toMatchObject({ code: '42501' });
    }
  });

  test('is listed among the logins of the instance and can be revoked, and made again after a crash', async () => {
    const instance = await bench.preparedInstance();
    const binding = readOnly();
    await bench.bind(instance, binding);
    const reader = await bench.bind(instance, binding);
    const session = await bench.connect(reader.uri);
    expect(await provider.listLogins(bindSpec, instance)).toEqual([reader.username]);
    await bench.revoke(reader);
    expect(await provider.listLogins(bindSpec, instance)).toEqual([]);
    await expect(session.query('select 1')).rejects.toThrow();
    await expect(bench.connect(reader.uri)).rejects.toMatchObject({ code: '28P01' });
  });
});
