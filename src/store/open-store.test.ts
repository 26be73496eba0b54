import { randomBytes } from 'node:crypto';
import { createServer } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startBlackHole } from '../../test/support/black-hole.ts';
import { createTestDatabase, queryDatabase, type TestDatabase } from '../../test/support/postgres.ts';
import { newBinding, newInstance, newOperation, testKeys, testRevision } from '../../test/support/store.ts';
import { Redacted } from '../lib/redacted.ts';
import { KeyRing } from '../lib/sealed.ts';
import { KeyMismatch } from './encryption-keys.ts';
import { openStore } from './open-store.ts';
import type { Store } from './types.ts';

let database: TestDatabase;
const stores: Store[] = [];

beforeEach(async () => {
  database = await createTestDatabase();
});
afterEach(async () => {
  for (const store of stores.splice(0)) await store.close();
  await database.drop();
});

async function open(keys: KeyRing): Promise<Store> {
  const store = await openStore({ databaseUrl: database.url, keys });
  stores.push(store);
  return store;
}

async function insert(store: Store) {
  await store.putRevision(testRevision, new Map());
  return store.transact((transaction) => transaction.insertInstance(newInstance()));
}

describe('the keys of a database', () => {
  test('a wrong key under a known id refuses to open', async () => {
    await open(testKeys('a'));
    await expect(open(testKeys('a'))).rejects.toThrow(KeyMismatch);
    await expect(open(testKeys('a'))).rejects.toThrow(/Restore the key file/);
  });

  test('a missing key that rows need refuses to open, says which, and leaves nothing behind', async () => {
    await insert(await open(testKeys('a')));
    await expect(open(testKeys('b'))).rejects.toThrow(KeyMismatch);
    await expect(open(testKeys('b'))).rejects.toThrow(/Add the line of the key "a"/);
    expect(await queryDatabase(database.url, 'select id from encryption_keys')).toEqual([{ id: 'a' }]);
  });

  test('a new key is written down; new rows use it and old rows are read with the old one', async () => {
    const old = { id: 'old', key: randomBytes(32) };
    const added = { id: 'added', key: randomBytes(32) };
    const first = await insert(await open(new KeyRing([old])));
    const store = await open(new KeyRing([added, old]));
    const second = await insert(store);
    expect(await store.findInstanceByUid(first.uid)).toBeDefined();
    const rows = await queryDatabase(
      database.url,
      'select uid, key_id from service_instances order by created_at',
    );
    expect(rows).toEqual([
      { uid: first.uid, key_id: 'old' },
      { uid: second.uid, key_id: 'added' },
    ]);
  });

  test('sealed cells that were exchanged between rows do not open', async () => {
    const store = await open(testKeys());
    const one = await insert(store);
    const two = await insert(store);
    await queryDatabase(
      database.url,
      `update service_instances target set data_key = source.data_key, generated_sealed = source.generated_sealed,
         context_sealed = source.context_sealed, parameters_sealed = source.parameters_sealed
       from service_instances source where target.uid = $1 and source.uid = $2`,
      [one.uid, two.uid],
    );
    await expect(store.findInstanceByUid(one.uid)).rejects.toThrow(/does not open/);
  });
});

test('two stores of one database are one installation, and another database is another', async () => {
  const keys = testKeys();
  const [one, two] = await Promise.all([open(keys), open(keys)]);
  expect(one.installationId).toBe(two.installationId);
  const elsewhere = await createTestDatabase();
  const other = await openStore({ databaseUrl: elsewhere.url, keys });
  expect(other.installationId).not.toBe(one.installationId);
  await other.close();
  await elsewhere.drop();
});

test('no secret can be read in a dump of all tables', async () => {
  const store = await open(testKeys());
  const secret = `canary-${randomBytes(12).toString('hex')}`;
  await store.putRevision(testRevision, new Map());
  await store.transact(async (transaction) => {
    const instance = await transaction.insertInstance(
      newInstance({
        context: { hidden: secret },
        parameters: { hidden: secret },
        generated: new Redacted({ admin: { password: secret } }),
      }),
    );
    const binding = await transaction.insertBinding(
      newBinding(instance, {
        context: { hidden: secret },
        parameters: { hidden: secret },
        password: new Redacted(secret),
      }),
    );
    await transaction.setBindingCredentials(
      binding.uid,
      new Redacted({ uri: secret }),
      new Redacted({ syslogDrainUrl: `syslog://user:${secret}@host` }),
    );
    await transaction.enqueueOperation(
      newOperation(instance, {
        type: 'update',
        update: {
          planRevision: testRevision.digest,
          target: {
            ...{ planId: 'plan-1', parameters: { hidden: secret }, context: { hidden: secret } },
            ...{ generated: { admin: { password: secret } }, request: { parameters: { hidden: secret } } },
          },
        },
        originatingIdentity: { platform: 'kubernetes', value: { username: secret } },
      }),
    );
  });
  const tables = await queryDatabase<{ name: string }>(
    database.url,
    `select table_name as name from information_schema.tables where table_schema = 'public'`,
  );
  let dump = '';
  for (const { name } of tables) {
    const rows = await queryDatabase<{ row: string }>(database.url, `select t::text as row from ${name} t`);
    dump += rows.map(({ row }) => row).join('\n');
  }
  expect(dump).toContain('service-1');
  expect(dump).not.toContain(secret);
  expect(dump).not.toContain(Buffer.from(secret).toString('base64').slice(0, 20));
});

describe('Postgres out of reach', () => {
  const unavailable = { code: 'StoreUnavailable' };

  test.each([
    ['nobody listens', 'postgresql://user:hidden-password@127.0.0.1:1/none'],
    ['the name is unknown', 'postgresql://user:hidden-password@no-such-host.invalid/none'],
  ])('opening fails at once when %s, and does not show the password', async (_, databaseUrl) => {
    const before = performance.now();
    const opening = openStore({ databaseUrl, keys: testKeys() });
    await expect(opening).rejects.toMatchObject(unavailable);
    expect(performance.now() - before).toBeLessThan(3_000);
    const error = await opening.catch((thrown: unknown) => thrown);
    expect(showAll(error)).not.toContain('hidden-password');
  });

  test('opening fails when the database does not exist', async () => {
    const databaseUrl = database.url.replace(/\/[^/]*$/, '/no_such_database');
    await expect(openStore({ databaseUrl, keys: testKeys() })).rejects.toMatchObject(unavailable);
  });

  test('opening fails in seconds when the server takes the connection and says nothing', async () => {
    const silent = createServer();
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const address = silent.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    try {
      const databaseUrl = `postgresql://user@127.0.0.1:${port}/none`;
      await expect(openStore({ databaseUrl, keys: testKeys() })).rejects.toMatchObject(unavailable);
    } finally {
      silent.close();
    }
  }, 15_000);

  test('connections that were cut are replaced: one failure at most, then all is well', async () => {
    const store = await open(testKeys());
    await store.ping();
    const cut = () =>
      queryDatabase(
        database.url,
        `select pg_terminate_backend(pid, 5000) from pg_stat_activity
         where datname = current_database() and pid <> pg_backend_pid()`,
      );
    await cut();
    await store.ping().catch((thrown: unknown) => expect(thrown).toMatchObject(unavailable));
    await store.ping();

    const during = store.transact(async (transaction) => {
      await transaction.findInstance({ platform: 'p', instanceId: 'i' });
      await cut();
      await transaction.findInstance({ platform: 'p', instanceId: 'i' });
    });
    await expect(during).rejects.toMatchObject(unavailable);
    await store.ping();
  });

  test('a network that swallows everything fails queries and transactions in time, then all is well', async () => {
    const proxy = await startBlackHole(database.url);
    const queryTimeoutMs = 500;
    const store = await openStore({ databaseUrl: proxy.url, keys: testKeys(), queryTimeoutMs });
    try {
      await store.ping();
      proxy.swallow();
      const before = performance.now();
      await expect(store.ping()).rejects.toMatchObject(unavailable);
      expect(performance.now() - before).toBeLessThan(4_000);
      proxy.restore();
      await store.ping();

      const during = store.transact(async (transaction) => {
        await transaction.findInstance({ platform: 'p', instanceId: 'i' });
        proxy.swallow();
        await transaction.findInstance({ platform: 'p', instanceId: 'i' });
      });
      const lost = performance.now();
      await expect(during).rejects.toMatchObject(unavailable);
      expect(performance.now() - lost).toBeLessThan(4_000);
      proxy.restore();
      await store.ping();
      proxy.swallow();
    } finally {
      const before = performance.now();
      await store.close();
      expect(performance.now() - before).toBeLessThan(8_000);
      proxy.close();
    }
  });
});

test('a refused statement is told without the values that were bound to it', async () => {
  const store = await open(testKeys());
  const failing = store.transact((transaction) =>
    transaction.insertInstance(
      newInstance({ planRevision: 'no-such-revision', organizationGuid: 'bound-value' }),
    ),
  );
  const error = await failing.catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: 'Internal', cause: { sqlState: '23503' } });
  expect(showAll(error)).not.toMatch(/bound-value|no-such-revision/);
});

/** All that a logger could print of an error. */
function showAll(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  return `${thrown.stack} ${JSON.stringify(thrown, Object.getOwnPropertyNames(thrown))} ${thrown.cause ? showAll(thrown.cause) : ''}`;
}
