/** `chandler orphans`, seen on the real process; what it does is tested in test/worker and test/chaos. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../test/support/postgres.ts';
import { newBinding, newInstance, testRevision } from '../../test/support/store.ts';
import { type ScriptedApiServer, startScriptedApiServer } from '../kube/scripted-api-server.ts';
import { createKeyFile, loadKeyFile } from '../lib/key-file.ts';
import { openStore } from '../store/open-store.ts';
import { sweeperPace } from '../store/sweep-types.ts';
import type { NewFinding, Store } from '../store/types.ts';

const main = new URL('main.ts', import.meta.url).pathname;
/** Answers, and has nothing. */
let apiServer: ScriptedApiServer;
let folder: string;
let database: TestDatabase;
let store: Store;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'chandler-orphans-'));
  await createKeyFile(join(folder, 'key'));
  apiServer = await startScriptedApiServer();
  database = await createTestDatabase();
  store = await openStore({ databaseUrl: database.url, keys: await loadKeyFile(join(folder, 'key')) });
});
afterEach(async () => {
  await apiServer.close();
  await store.close();
  await database.drop();
  await rm(folder, { recursive: true });
});

function orphans(words: readonly string[], more: Record<string, string> = {}) {
  const env = {
    DATABASE_URL: database.url,
    CHANDLER_KEY_FILE: join(folder, 'key'),
    CHANDLER_KUBECONFIG: apiServer.kubeconfigPath,
    CHANDLER_CLUSTER: 'local',
    ...more,
  };
  return new Promise<{ exitCode: unknown; stdout: string; stderr: string }>((resolve) => {
    execFile(
      process.execPath,
      [main, 'orphans', ...words],
      { env, timeout: 60_000 },
      (error, stdout, stderr) => resolve({ exitCode: error === null ? 0 : error.code, stdout, stderr }),
    );
  });
}

/** A binding whose Secret is gone, as one look saw it or as two did. */
async function loseSecret(looks: 1 | 2, bindingId = 'binding') {
  await store.putRevision(testRevision, new Map());
  const { binding } = await store.transact(async (transaction) => {
    const instance = await transaction.insertInstance(newInstance({ instanceId: 'instance' }));
    await transaction.setInstanceState(instance.uid, 'ready');
    const made = await transaction.insertBinding(newBinding(instance, { bindingId }));
    await transaction.setBindingState(made.uid, 'bound');
    return { binding: made };
  });
  const found: NewFinding = {
    ...{
      kind: 'row without object',
      cluster: 'local',
      apiVersion: 'v1',
      objectKind: 'Secret',
      namespace: 'app',
    },
    ...{ name: binding.externalName, instanceUid: binding.instanceUid, bindingUid: binding.uid, detail: '' },
  };
  const scope = { cluster: 'local', kinds: ['row without object'] as const };
  for (let look = 0; look < looks; look += 1) await store.findings.record(scope, [found]);
  const findings = await store.findings.quarantine(['row without object'], 0);
  return { binding, id: findings[0]?.uid.slice(0, 8) ?? '' };
}

test('says when there is nothing to settle, and that no sweep has run', async () => {
  expect(await orphans(['list'])).toEqual({
    exitCode: 0,
    stderr: '',
    stdout:
      'Nothing is to be settled.\nNo sweep has run on this database yet. Start a Chandler, and wait for two rounds of sweeps.\n',
  });
  await store.holdLease(sweeperPace, 'some broker', 60);
  expect((await orphans(['list'])).stdout).toBe('Nothing is to be settled.\n');
  await store.releaseLease(sweeperPace, 'some broker');
  await store.holdLease(sweeperPace, 'some broker', -7200);
  expect((await orphans(['list'])).stdout).toMatch(/began more than 2 h ago: is a Chandler running\?/);
});

test('names what is confirmed with the commands that settle it, and counts the rest', async () => {
  await store.holdLease(sweeperPace, 'some broker', 60);
  await loseSecret(1);
  const open = await orphans(['list']);
  expect(open).toMatchObject({ exitCode: 0 });
  expect(open.stdout).toMatch(/^Nothing is to be settled.\n1 not confirmed yet/);

  await database.drop();
  database = await createTestDatabase();
  await store.close();
  store = await openStore({ databaseUrl: database.url, keys: await loadKeyFile(join(folder, 'key')) });
  await store.holdLease(sweeperPace, 'some broker', 60);
  const { id, binding } = await loseSecret(2, 'bell\u0007 and \u001b[2J');
  const { exitCode, stdout } = await orphans(['list']);
  expect(exitCode).toBe(1);
  expect(stdout.replaceAll(/ {2,}/g, '  ').replace(/\d+ s/, '0 s')).toBe(
    `Rows of which something is gone
ID  WHAT  OBJECTS  INSTANCE  AGE  SETTLE WITH
${id}  binding bell? and ?[2J  Secret app/${binding.externalName}  test/instance  0 s  recreate | remove

1 to be settled.
`,
  );
  const json = JSON.parse((await orphans(['list', '--json'])).stdout) as { orphans: unknown[] };
  expect(json.orphans).toMatchObject([
    {
      ...{ shortId: id, kind: 'binding without object', confirmed: true },
      owner: { platform: 'test', instanceId: 'instance' },
      commands: [`chandler orphans recreate ${id}`, `chandler orphans remove ${id}`],
    },
  ]);
});

test('asks before it removes, shows what it would do, and does it when told to', async () => {
  const { id, binding } = await loseSecret(2);
  const dry = await orphans(['remove', id, '--dry-run']);
  expect(dry).toMatchObject({ exitCode: 0, stderr: '' });
  expect(dry.stdout).toContain(`- unbind test/binding (${binding.uid})`);
  expect(await orphans(['remove', id])).toMatchObject({
    exitCode: 2,
    stderr: 'Nothing was done: nobody can be asked here. Add --yes when all of this shall be done.\n',
  });
  expect((await store.findBindingByUid(binding.uid))?.state).toBe('bound');
  const told = await orphans(['remove', id, '--yes', '--no-wait']);
  expect(told).toMatchObject({ exitCode: 0 });
  expect(told.stdout).toMatch(/unbind \S+ is on its way\n$/);
  expect((await store.findBindingByUid(binding.uid))?.state).toBe('unbinding');
  expect((await orphans(['list'])).exitCode).toBe(0);
});

test('says that no worker takes it up', { timeout: 60_000 }, async () => {
  const { id, binding } = await loseSecret(2);
  const told = orphans(['recreate', id]);
  await expect
    .poll(async () => (await store.findBindingByUid(binding.uid))?.state, { timeout: 15_000 })
    .toBe('binding');
  await new Promise((resolve) => setTimeout(resolve, 17_000));
  const claim = await store.operationQueue.claim('late', 15);
  if (claim === undefined) throw new Error('there is nothing to claim');
  await store.transact(async (transaction) => {
    await transaction.assertHeld(claim);
    await transaction.finishOperation(claim, {
      ...{ state: 'failed', description: 'The server refused.', errorCode: 'CredentialsRejected' },
    });
  });
  const { exitCode, stdout, stderr } = await told;
  expect(stderr).toContain('no worker has taken it up for 15 s: is a Chandler running on this database');
  expect(stdout).toContain('the bind failed: The server refused.');
  expect(exitCode).toBe(1);
});

test.each<[string, string[], Record<string, string>, RegExp]>([
  ['an id that there is not', ['remove', '12345678'], {}, /There is no finding 12345678/],
  ['no cluster', ['list'], { CHANDLER_KUBECONFIG: '' }, /^CHANDLER_KUBECONFIG must name a kubeconfig/],
  ['no database', ['list'], { DATABASE_URL: '' }, /^DATABASE_URL must be the URL of a Postgres/],
  [
    'a file that is not JSON',
    ['adopt', '12345678', '--parameters', main],
    {},
    /cannot be read: it is not JSON/,
  ],
])('%s is told, and nothing done', async (_what, words, environment, message) => {
  const { exitCode, stderr, stdout } = await orphans(words, environment);
  expect(stderr).toMatch(message);
  expect(stderr.trim().split('\n')).toHaveLength(1);
  expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
});
