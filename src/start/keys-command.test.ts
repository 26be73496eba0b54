/** `chandler keys`, seen on the real process: a new key takes over, and a rotation that is killed half way. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createTestDatabase, queryDatabase, type TestDatabase } from '../../test/support/postgres.ts';
import { plantedSecret, plantRows, rowsByKey, sealedCells } from '../../test/support/sealed-rows.ts';
import { createKeyFile, loadKeyFile } from '../lib/key-file.ts';
import { openStore } from '../store/open-store.ts';

const main = new URL('main.ts', import.meta.url).pathname;
let folder: string;
let keyFile: string;
let database: TestDatabase;
/** All that the commands of a test printed. */
let printed = '';

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'chandler-keys-'));
  keyFile = join(folder, 'key');
  printed = '';
  await createKeyFile(keyFile);
  database = await createTestDatabase();
});
afterEach(async () => {
  const text = await readFile(keyFile, 'utf8').catch(() => '');
  await database.drop();
  await rm(folder, { recursive: true });
  for (const secret of [plantedSecret, ...[...text.matchAll(/:(\S{44})/g)].map(([, key]) => key)]) {
    expect(printed).not.toContain(secret);
  }
});

const environment = () => ({ DATABASE_URL: database.url, CHANDLER_KEY_FILE: keyFile });

/** Runs `chandler keys ...` until it ends. */
function keys(words: string, more: Record<string, string> = {}) {
  return new Promise<{ exitCode: unknown; stdout: string; stderr: string }>((resolve) => {
    execFile(
      process.execPath,
      [main, 'keys', ...words.split(' ')],
      { env: { ...environment(), ...more }, timeout: 60_000 },
      (error, stdout, stderr) => {
        printed += stdout + stderr;
        resolve({ exitCode: error === null ? 0 : error.code, stdout, stderr });
      },
    );
  });
}

/** A Chandler starts with the key file as it is, does something, and ends. */
async function withStore<T>(work: (store: Awaited<ReturnType<typeof openStore>>) => Promise<T>): Promise<T> {
  const store = await openStore({ databaseUrl: database.url, keys: await loadKeyFile(keyFile) });
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

async function addAndActivate(): Promise<{ oldId: string; newId: string }> {
  const [oldId = ''] = (await loadKeyFile(keyFile)).ids;
  await keys('add');
  const [, newId = ''] = (await loadKeyFile(keyFile)).ids;
  await keys(`activate ${newId}`);
  await withStore(() => Promise.resolve());
  return { oldId, newId };
}

async function removeKey(id: string): Promise<void> {
  const text = await readFile(keyFile, 'utf8');
  await writeFile(
    keyFile,
    text
      .split('\n')
      .filter((line) => !line.startsWith(`${id}:`))
      .join('\n'),
  );
}

test('a new key takes over step by step, and the old one can go', async () => {
  await withStore((store) => plantRows(store, 3));
  const [oldId = ''] = (await loadKeyFile(keyFile)).ids;
  expect(await keys('status')).toMatchObject({
    exitCode: 0,
    stdout: expect.stringContaining(`All 9 row(s) are on the active key "${oldId}".`) as string,
  });

  const added = await keys('add');
  const [, newId = ''] = (await loadKeyFile(keyFile)).ids;
  expect(added).toMatchObject({ exitCode: 0, stderr: '' });
  expect(added.stdout).toBe(
    `added the key "${newId}" to ${keyFile}, as the last one: it opens, and does not seal yet.\n` +
      `Keep a copy of the file. When every Chandler has started with it: chandler keys activate ${newId}\n`,
  );
  await withStore(() => Promise.resolve());
  expect((await keys(`activate ${newId}`)).stdout).toMatch(/^the key "\S+" is the first one of/);
  await withStore(() => Promise.resolve());

  const waiting = await keys('status');
  expect(waiting.exitCode).toBe(1);
  expect(waiting.stdout.split('\n')).toEqual([
    expect.stringMatching(/^KEY +IN FILE +SEALS +CANARY +INSTANCES +BINDINGS +OPERATIONS$/),
    expect.stringMatching(new RegExp(`^${newId} +yes +yes +right +0 +0 +0$`)),
    expect.stringMatching(new RegExp(`^${oldId} +yes +no +right +3 +3 +3$`)),
    '',
    `9 row(s) are not on the active key "${newId}": run \`chandler keys rotate\`.`,
    '',
  ]);

  const rotated = await keys('rotate');
  expect(rotated).toMatchObject({ exitCode: 0 });
  expect(rotated.stdout).toMatch(
    new RegExp(`^9 row\\(s\\) wrapped with the key "${newId}" in [\\d.]+ s\nevery row is on this key\n$`),
  );
  expect(rotated.stderr).toMatch(/^\d of 9 row\(s\), \d+ per second \(service_instances\)\n/);

  const done = await keys('status --verify');
  expect(done.exitCode).toBe(0);
  expect(done.stdout).toContain(`No row needs the key "${oldId}".`);
  expect(done.stdout).toContain('Every sealed column of every row opens.');
  await removeKey(oldId);
  await withStore(async (store) => expect(await store.ping()).toBeUndefined());
  const json = JSON.parse((await keys('status --json')).stdout) as unknown;
  const none = { service_instances: 0, service_bindings: 0, operations: 0 };
  expect(json).toEqual({
    fine: true,
    activeKey: newId,
    keys: [
      {
        ...{ id: newId, inFile: true, active: true, canary: 'right' },
        rows: { service_instances: 3, service_bindings: 3, operations: 3 },
      },
      { id: oldId, inFile: false, active: false, canary: 'absent', rows: none },
    ],
    mislabelled: 0,
    outdated: 0,
    replicasWithoutActiveKey: 0,
    nextSteps: [],
  });
}, 60_000);

describe('a rotation that is killed half way', () => {
  test('and run again ends with every row on the new key, and all of them open with it alone', async () => {
    const instances = 700;
    const total = 3 * instances;
    const uids = await withStore((store) => plantRows(store, instances));
    const cells = await sealedCells(database.url);
    const { oldId, newId } = await addAndActivate();

    // However slow this test is to see a line: while a row is held, the rotation does not end.
    const holder = new pg.Client({ connectionString: database.url });
    await holder.connect();
    await holder.query('begin');
    await holder.query('select 1 from operations where uid = $1 for update', [uids.operations[0]]);
    await killHalfWay(spawnRotate(), total);
    await holder.end();
    const half = await rowsByKey(database.url);
    expect(half[newId]).toBeGreaterThanOrEqual(total * 0.4);
    expect(half[oldId]).toBeGreaterThan(0);
    expect((half[newId] ?? 0) + (half[oldId] ?? 0)).toBe(total);
    expect(await keys('status --verify')).toMatchObject({
      exitCode: 1,
      stdout: expect.stringMatching(/\n\d+ row\(s\) are not on the active key "\S+": run/) as string,
    });

    const again = await keys('rotate');
    expect(again.exitCode).toBe(0);
    expect(again.stdout).toMatch(
      new RegExp(`^${half[oldId]} row\\(s\\) wrapped .*\nevery row is on this key\n$`),
    );
    expect(await rowsByKey(database.url)).toEqual({ [newId]: total });
    expect(await sealedCells(database.url)).toEqual(cells);
    await removeKey(oldId);
    expect(await keys('status --verify')).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining('Every sealed column of every row opens.') as string,
    });
  }, 120_000);

  test('by SIGTERM says so, and can go on at once', async () => {
    await withStore((store) => plantRows(store, 300));
    const { newId } = await addAndActivate();
    const child = spawnRotate();
    let output = '';
    child.stderr?.once('data', () => child.kill('SIGTERM'));
    child.stdout?.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
    const exitCode = await new Promise((resolve) => child.once('close', resolve));
    printed += output;
    expect(output).toMatch(/^\d+ row\(s\) wrapped .*\ninterrupted; run it again to do what is left\n$/);
    expect(exitCode).toBe(130);
    const again = await keys('rotate');
    expect(again).toMatchObject({ exitCode: 0, stderr: expect.not.stringContaining('waiting') as string });
    expect(await rowsByKey(database.url)).toEqual({ [newId]: 900 });
  }, 60_000);

  function spawnRotate(): ChildProcess {
    return spawn(process.execPath, [main, 'keys', 'rotate', '--batch-size', '5'], {
      env: environment(),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  }

  /** Kills the process when a line of progress says that nearly half is done. */
  async function killHalfWay(child: ChildProcess, total: number): Promise<void> {
    let killed = false;
    child.stderr?.on('data', (chunk: Buffer) => {
      if (killed || !(Number.parseInt(chunk.toString(), 10) >= total * 0.4)) return;
      killed = child.kill('SIGKILL');
    });
    const signal = await new Promise((resolve) => {
      child.once('exit', (_code, killedBy) => resolve(killedBy));
    });
    expect(signal).toBe('SIGKILL');
  }
});

test('a row that does not open is named, left as it is, and costs exit code 1', async () => {
  const uids = await withStore((store) => plantRows(store, 2));
  const [one = '', two = ''] = uids.service_instances;
  await addAndActivate();
  await queryDatabase(
    database.url,
    `update service_instances target set generated_sealed = other.generated_sealed
     from service_instances other where (target.uid, other.uid) in (($1, $2), ($2, $1))`,
    [one, two],
  );
  const { exitCode, stdout } = await keys('rotate');
  expect(exitCode).toBe(1);
  const [first = '', ...lines] = stdout.trim().split('\n');
  expect(first).toMatch(/^4 row\(s\) wrapped/);
  const reason = (uid: string) =>
    `left as it is: The sealed column generated of service_instances ${uid} does not open: it was changed, or it or the data key belongs to another row or column.`;
  expect(lines).toEqual([
    ...[one, two].sort().map(reason),
    '2 row(s) do not open: restore them, and keep the old key until then.',
  ]);
  const verified = await keys('status --verify --json');
  expect(verified.exitCode).toBe(1);
  const { unreadable } = JSON.parse(verified.stdout) as { unreadable: { uid: string }[] };
  expect(unreadable.map(({ uid }) => uid)).toEqual([one, two].sort());
}, 60_000);

describe('what keeps a command from its work costs exit code 2 and a line', () => {
  test.each([['status'], ['rotate']])('%s', async (command) => {
    expect(await keys(command, { DATABASE_URL: '', CHANDLER_KEY_FILE: '' })).toEqual({
      exitCode: 2,
      stdout: '',
      stderr: expect.stringMatching(/^DATABASE_URL must be .*\nCHANDLER_KEY_FILE must name .*\n$/) as string,
    });
    expect(await keys(command, { DATABASE_URL: 'postgres://chandler:hunter2@127.0.0.1:1/state' })).toEqual({
      exitCode: 2,
      stdout: '',
      stderr:
        'The Postgres at DATABASE_URL (127.0.0.1:1/state) cannot be used: connect ECONNREFUSED 127.0.0.1:1.\n',
    });
    expect(await keys(command, { CHANDLER_KEY_FILE: join(folder, 'none') })).toMatchObject({
      exitCode: 2,
      stderr: expect.stringMatching(/^The key file \S+ does not exist\./) as string,
    });
  });

  test('a rotation with the key of another database', async () => {
    await withStore((store) => plantRows(store, 1));
    const other = join(folder, 'other');
    await createKeyFile(other);
    expect(await keys('rotate --force', { CHANDLER_KEY_FILE: other })).toMatchObject({
      exitCode: 2,
      stderr: expect.stringMatching(
        /^This database holds rows sealed with the key "\S+", which is not in/,
      ) as string,
    });
  });

  test('a rotation before any Chandler has started with the key', async () => {
    await withStore((store) => plantRows(store, 1));
    await keys('add');
    const [, newId = ''] = (await loadKeyFile(keyFile)).ids;
    await keys(`activate ${newId}`);
    expect(await keys('rotate')).toEqual({
      exitCode: 2,
      stdout: '',
      stderr: `No Chandler has started with the key "${newId}" yet, and one that lacks it cannot read rotated rows. Start all of them with this key file, then rotate. With --force it is done all the same.\n`,
    });
    expect(await keys('status')).toMatchObject({ exitCode: 1 });
    expect(await keys('rotate --force')).toMatchObject({ exitCode: 0 });
  });

  test('a key file that is not named, and a key that it does not hold', async () => {
    expect(await keys('add', { CHANDLER_KEY_FILE: '' })).toMatchObject({
      exitCode: 1,
      stderr: expect.stringMatching(/^Name the key file, or set CHANDLER_KEY_FILE\.\n/) as string,
    });
    expect(await keys('activate none')).toMatchObject({
      exitCode: 1,
      stderr: `The key file ${keyFile} holds no key "none".\n`,
    });
  });
});
