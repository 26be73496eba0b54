import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createTestDatabase, queryDatabase, type TestDatabase } from '../../../test/support/postgres.ts';
import {
  plantedSecret,
  plantRows,
  rowsByKey,
  sealedCells,
  showAll,
} from '../../../test/support/sealed-rows.ts';
import { Redacted } from '../../lib/redacted.ts';
import { type KeyEncryptionKey, KeyRing } from '../../lib/sealed.ts';
import { KeyMismatch } from '../../store/encryption-keys.ts';
import { openDatabase } from '../../store/open-database.ts';
import { type KeyAdmin, openKeyAdmin } from '../../store/open-key-admin.ts';
import { openStore } from '../../store/open-store.ts';
import { writeDataKeys } from '../../store/sealed-rows.ts';
import type { Store } from '../../store/types.ts';
import { type RotationOptions, RotationRefused, rotateKeys } from './rotate-keys.ts';
import { nextSteps, surveyKeys } from './survey-keys.ts';

const key = (id: string): KeyEncryptionKey => ({ id, key: randomBytes(32) });
const [old, added] = [key('old'), key('added')];
const both = new KeyRing([added, old]);

let database: TestDatabase;
const closers: (() => Promise<void>)[] = [];

beforeEach(async () => {
  database = await createTestDatabase();
});
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
  await database.drop();
});

async function open(...keys: [KeyEncryptionKey, ...KeyEncryptionKey[]]): Promise<Store> {
  const store = await openStore({ databaseUrl: database.url, keys: new KeyRing(keys) });
  closers.push(() => store.close());
  return store;
}

function openAdmin(keys: KeyRing): KeyAdmin {
  const admin = openKeyAdmin({ databaseUrl: database.url, keys });
  closers.push(() => admin.close());
  return admin;
}

const rotate = (admin: KeyAdmin, options: Partial<RotationOptions> = {}) =>
  rotateKeys(admin, {
    owner: 'this test',
    batchSize: 7,
    force: false,
    signal: new AbortController().signal,
    onProgress: () => undefined,
    onWait: () => undefined,
    ...options,
  });

/** Rows under the old key, and then a Chandler that has both. */
async function plantUnderOldKey(count: number) {
  const first = await openStore({ databaseUrl: database.url, keys: new KeyRing([old]) });
  const uids = await plantRows(first, count);
  await first.close();
  return { uids, store: await open(added, old) };
}

describe('a rotation', () => {
  test('puts every row on the active key, leaves sealed columns as they are, and then the new key is enough', async () => {
    const { uids, store } = await plantUnderOldKey(20);
    const admin = openAdmin(both);
    const before = await sealedCells(database.url);
    expect(await surveyKeys(admin, false)).toMatchObject({ outdated: 60, replicasWithoutActiveKey: 0 });

    const progress: number[] = [];
    const rotation = await rotate(admin, { onProgress: ({ done }) => progress.push(done) });
    expect(rotation).toMatchObject({ done: 60, left: 0, unreadable: [], interrupted: false });
    expect(progress).toEqual([7, 14, 20, 27, 34, 40, 47, 54, 60]);
    expect(await rowsByKey(database.url)).toEqual({ added: 60 });
    expect(await sealedCells(database.url)).toEqual(before);
    expect((await store.findInstanceByUid(uids.service_instances[0] ?? ''))?.generated.reveal()).toEqual({
      admin: { password: plantedSecret },
    });

    const alone = openAdmin(new KeyRing([added]));
    const survey = await surveyKeys(alone, true);
    expect(survey).toMatchObject({ activeKey: 'added', outdated: 0, unreadable: [] });
    expect(nextSteps(survey)).toEqual([]);
    expect(
      (await (await open(added)).findBindingByUid(uids.service_bindings[19] ?? ''))?.password.reveal(),
    ).toBe(plantedSecret);
    await expect(open(old)).rejects.toThrow(/rows sealed with the key "added"/);
  });

  test('does nothing when it is run again', async () => {
    await plantUnderOldKey(2);
    const admin = openAdmin(both);
    await rotate(admin);
    const rows = await queryDatabase(
      database.url,
      'select xmin, data_key from service_instances order by uid',
    );
    expect(await rotate(admin)).toMatchObject({ done: 0, left: 0, unreadable: [] });
    expect(
      await queryDatabase(database.url, 'select xmin, data_key from service_instances order by uid'),
    ).toEqual(rows);
  });

  test('names the rows that do not open, leaves them as they are, and does all others', async () => {
    const { uids } = await plantUnderOldKey(10);
    const [one = '', two = '', changed = ''] = uids.service_bindings;
    const [operation = ''] = uids.operations;
    const swapPasswords = `update service_bindings target set password_sealed = other.password_sealed
      from service_bindings other where (target.uid, other.uid) in (($1, $2), ($2, $1))`;
    await queryDatabase(database.url, swapPasswords, [one, two]);
    await queryDatabase(database.url, `update service_bindings set data_key = 'v1:old:AAAA' where uid = $1`, [
      changed,
    ]);
    await queryDatabase(
      database.url,
      `update operations set originating_identity_sealed = target_sealed where uid = $1`,
      [operation],
    );
    const broken = [one, two, changed, operation];
    const admin = openAdmin(both);
    for (const done of [26, 0]) {
      const rotation = await rotate(admin);
      expect(rotation).toMatchObject({ done, left: 0 });
      expect(new Set(rotation.unreadable.map(({ uid }) => uid))).toEqual(new Set(broken));
      for (const { table, uid, reason } of rotation.unreadable) expect(reason).toContain(`${table} ${uid}`);
      expect(JSON.stringify(rotation)).not.toContain(plantedSecret);
      expect(await rowsByKey(database.url)).toEqual({ added: 26, old: 4 });
    }
    const survey = await surveyKeys(admin, true);
    expect(survey.outdated).toBe(4);
    expect(new Set(survey.unreadable?.map(({ uid }) => uid))).toEqual(new Set(broken));
    // Restored, it is done by the next run.
    await queryDatabase(database.url, swapPasswords, [one, two]);
    expect(await rotate(admin)).toMatchObject({ done: 2, left: 0 });
  });

  test('mends a row whose key_id is not the key of its data key', async () => {
    const { uids } = await plantUnderOldKey(3);
    const admin = openAdmin(both);
    await queryDatabase(database.url, `update service_instances set key_id = 'added' where uid = $1`, [
      uids.service_instances[0],
    ]);
    expect(await surveyKeys(admin, false)).toMatchObject({ outdated: 9, mislabelled: 1 });
    expect(await rotate(admin)).toMatchObject({ done: 9, left: 0 });
    expect(await rowsByKey(database.url)).toEqual({ added: 9 });
  });

  test('loses no write of Chandlers that work on the same rows', async () => {
    const { uids, store } = await plantUnderOldKey(60);
    const another = await open(added, old);
    const admin = openAdmin(both);
    const [instances, bindings] = [uids.service_instances.slice(0, 8), uids.service_bindings.slice(0, 8)];
    const written = new Map<string, number>();
    let running = true;
    let writes = 0;
    const lost: string[] = [];
    // Each writer has rows of its own, and looks whether its last write is still there.
    const write = async (writer: Store, own: number) => {
      for (let round = 1; running; round += 1) {
        const index = (round * 2 + own) % 8;
        const [instance, binding] = [instances[index] ?? '', bindings[index] ?? ''];
        const [was, wasBound] = [
          await writer.findInstanceByUid(instance),
          await writer.findBindingByUid(binding),
        ];
        const last = written.get(instance);
        if (last !== undefined) {
          const credentials = wasBound?.credentials?.reveal();
          const rounds = [was?.context.round, was?.outputs.round, credentials?.round];
          if (rounds.some((each) => each !== last)) lost.push(`${JSON.stringify(rounds)} instead of ${last}`);
        }
        await writer.transact(async (transaction) => {
          await transaction.setInstanceContext(instance, { round });
          await transaction.setInstanceOutputs(instance, { round });
          await transaction.setBindingCredentials(binding, new Redacted({ round }));
        });
        written.set(instance, round).set(binding, round);
        writes += 1;
      }
    };
    const writers = [write(store, 0), write(another, 1)];
    // To and fro, so that the writers meet every moment of a rotation.
    const back = openAdmin(new KeyRing([old, added]));
    let rotated = 0;
    for (let turn = 0; turn < 10; turn += 1) {
      rotated += (await rotate(turn % 2 === 0 ? back : admin, { batchSize: 3 })).done;
      rotated += (await rotate(turn % 2 === 0 ? admin : back, { batchSize: 50 })).done;
    }
    running = false;
    await Promise.all(writers);
    await rotate(admin);
    expect(lost).toEqual([]);
    expect(writes).toBeGreaterThan(20);
    expect(rotated).toBeGreaterThanOrEqual(180 * 10);
    expect(await rowsByKey(database.url)).toEqual({ added: 180 });
    expect((await surveyKeys(openAdmin(new KeyRing([added])), true)).unreadable).toEqual([]);
    for (const uid of instances) {
      expect(await store.findInstanceByUid(uid)).toMatchObject({
        context: { round: written.get(uid) },
        outputs: { round: written.get(uid) },
      });
    }
    for (const uid of bindings) {
      const binding = await store.findBindingByUid(uid);
      expect(binding?.credentials?.reveal()).toEqual({ round: written.get(uid) });
    }
  }, 60_000);

  test('writes nothing to a row whose data key is another one by then', async () => {
    const { uids } = await plantUnderOldKey(2);
    const db = openDatabase({ url: database.url, applicationName: 'test', pool: { min: 0, max: 1 } });
    closers.push(() => db.destroy());
    const [one = '', two = ''] = uids.operations.sort();
    const dataKeys = () =>
      queryDatabase<{ data_key: string }>(database.url, 'select data_key from operations order by uid');
    const [first, second] = await dataKeys();
    const written = await writeDataKeys({ db, keys: both, installationId: '' }, 'operations', [
      { uid: one, before: 'v1:old:changed meanwhile', after: 'v1:added:new' },
      { uid: two, before: second?.data_key ?? '', after: 'v1:added:new' },
    ]);
    expect(written).toBe(1);
    expect(await dataKeys()).toEqual([first, { data_key: 'v1:added:new' }]);
  });

  test('goes round rows that others hold, and comes back for them', async () => {
    const { uids } = await plantUnderOldKey(5);
    const admin = openAdmin(both);
    const holder = await holdRow(uids.service_bindings[2] ?? '');
    const rotating = rotate(admin);
    while ((await rowsByKey(database.url)).old !== 1) await sleep(20);
    await sleep(100);
    expect(await rowsByKey(database.url)).toEqual({ added: 14, old: 1 });
    await holder.end();
    expect(await rotating).toMatchObject({ done: 15, left: 0 });
  });

  test('says how many rows are left when they are held for too long', async () => {
    const { uids } = await plantUnderOldKey(2);
    const holder = await holdRow(uids.service_bindings[0] ?? '');
    expect(await rotate(openAdmin(both), { patienceMs: 200 })).toMatchObject({
      done: 5,
      left: 1,
      unreadable: [],
    });
    await holder.end();
  });

  test('ends after the batch under way when it is told to', async () => {
    await plantUnderOldKey(10);
    const stop = new AbortController();
    const rotation = await rotate(openAdmin(both), { signal: stop.signal, onProgress: () => stop.abort() });
    expect(rotation).toMatchObject({ done: 7, left: 23, interrupted: true });
    expect(await rowsByKey(database.url)).toEqual({ added: 7, old: 23 });
    expect(await queryDatabase(database.url, 'select name from leases')).toEqual([]);
  });

  async function holdRow(uid: string): Promise<pg.Client> {
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    await client.query('begin');
    await client.query('select 1 from service_bindings where uid = $1 for update', [uid]);
    return client;
  }
});

describe('a rotation is refused', () => {
  test('while another one is at work, which it names', async () => {
    await plantUnderOldKey(1);
    const admin = openAdmin(both);
    const renewing = setInterval(() => void admin.holdLease('keys rotate', 'host-1-77', 10), 1000);
    await admin.holdLease('keys rotate', 'host-1-77', 10);
    const waited: string[] = [];
    const refused = rotate(openAdmin(both), { onWait: (owner) => waited.push(owner) });
    await expect(refused).rejects.toThrow('Another rotation is at work: host-1-77. Only one runs at a time.');
    clearInterval(renewing);
    expect(waited).toEqual(['host-1-77']);
    expect(await rowsByKey(database.url)).toEqual({ old: 3 });
  });

  test('by a key that no Chandler has started with, unless it is forced', async () => {
    await plantRows(await open(old), 1);
    const admin = openAdmin(both);
    await expect(rotate(admin)).rejects.toThrow(/^No Chandler has started with the key "added" yet/);
    expect(nextSteps(await surveyKeys(admin, false))[0]).toMatch(
      /^No Chandler has started with the key "added"/,
    );
    expect(await rowsByKey(database.url)).toEqual({ old: 3 });
    expect(await rotate(admin, { force: true })).toMatchObject({ done: 3 });
  });

  test('while a Chandler runs that cannot know the key, unless it is forced', async () => {
    const late = await open(old);
    const uids = await plantRows(late, 1);
    await open(added, old);
    const admin = openAdmin(both);
    await expect(rotate(admin)).rejects.toThrow(RotationRefused);
    await expect(rotate(admin)).rejects.toThrow(/^1 Chandler\(s\) run since before any had the key "added"/);
    expect(await surveyKeys(admin, false)).toMatchObject({ replicasWithoutActiveKey: 1 });
    await rotate(admin, { force: true });

    // What that Chandler then meets: a clear answer to every request that needs such a row, and nothing is written.
    const before = await sealedCells(database.url);
    const [instance = '', binding = ''] = [uids.service_instances[0], uids.service_bindings[0]];
    for (const meet of [
      () => late.findInstanceByUid(instance),
      () => late.findBindingByUid(binding),
      () => late.findUpdateTarget(uids.operations[0] ?? ''),
      () => late.transact((transaction) => transaction.setInstanceContext(instance, {})),
      () => late.transact((transaction) => transaction.setBindingCredentials(binding, new Redacted({}))),
    ]) {
      const error = await meet().then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      expect(error).toMatchObject({ code: 'KeyUnknown', status: 503, retry: true });
      expect(showAll(error)).toMatch(
        /The data key of \w+ [0-9a-f-]{36} is wrapped by the key "added", which is not in the key file\./,
      );
      expect(showAll(error)).not.toContain(plantedSecret);
    }
    expect(await sealedCells(database.url)).toEqual(before);
  });

  test('with a wrong key under a known id, and with a key missing that rows need', async () => {
    await plantUnderOldKey(1);
    const forged = openAdmin(new KeyRing([added, key('old')]));
    await expect(rotate(forged)).rejects.toThrow(KeyMismatch);
    expect(nextSteps(await surveyKeys(forged, false))).toEqual([
      'The key "old" in the key file is not the key "old" of this database: restore the key file that belongs to it.',
    ]);
    const lacking = openAdmin(new KeyRing([added]));
    await expect(rotate(lacking)).rejects.toThrow(
      /rows sealed with the key "old", which is not in the key file/,
    );
    expect(nextSteps(await surveyKeys(lacking, false))).toEqual([
      'Rows need the key "old", which is not in the key file: add its line from the backup, below the first.',
    ]);
    expect(await rowsByKey(database.url)).toEqual({ old: 3 });
  });
});
