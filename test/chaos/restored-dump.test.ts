/**
 * A database restored from a dump taken before ten operations: nothing is deleted by itself, the report names what has
 * no row and what is gone, and an admin settles each. Real brokers, real PostgreSQL servers.
 */
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { AppNamespace } from '../../src/start/quickstart/sample-app.ts';
import { type BrokerHome, createBrokerHome, type TestBroker } from '../support/broker.ts';
import { core, eventually, type Login, runSql } from '../support/cluster.ts';
import { installationId, objectsOf, removeInstallation } from '../support/installation.ts';
import { firstPlan, type PlanIds, PlatformInstance } from '../support/platform-instance.ts';
import { dumpDatabase } from '../support/postgres.ts';

const main = new URL('../../src/start/main.ts', import.meta.url).pathname;
/** Sweeps all the time, and counts what it saw twice. */
const environment = {
  CHANDLER_SWEEP_SECONDS: '2',
  CHANDLER_ORPHAN_GRACE_SECONDS: '1',
  CHANDLER_DRIFT_SECONDS: '2',
};
let app: AppNamespace;
let home: BrokerHome;
let broker: TestBroker;
let plan: PlanIds;

beforeAll(async () => {
  app = new AppNamespace(inject('kubeconfigPath'), `chandler-test-${randomUUID().slice(0, 8)}`);
  await app.create();
  home = await createBrokerHome(environment);
});
afterAll(async () => {
  if (home !== undefined) await removeInstallation(home);
  await app?.remove();
});

/** All that the commands printed. */
let printed = '';

interface Ended {
  exitCode: unknown;
  stdout: string;
  stderr: string;
}

/** Runs `chandler orphans ...` until it ends, and shows it as an admin sees it. */
function orphans(...words: string[]): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [main, 'orphans', ...words],
      { env: { PATH: process.env.PATH, ...home.environment }, timeout: 180_000 },
      (error, stdout, stderr) => {
        const exitCode = error === null ? 0 : error.code;
        printed += stdout + stderr;
        if (!words.includes('--json')) {
          console.log(`$ chandler orphans ${words.join(' ')}\n${stderr}${stdout}exit code ${exitCode}`);
        }
        resolve({ exitCode, stdout, stderr });
      },
    );
  });
}

interface Listed {
  shortId: string;
  kind: string;
  confirmed: boolean;
  owner?: { instanceId: string; bindingId?: string };
  findings: { kind: string }[];
}

async function listed(): Promise<Listed[]> {
  const { stdout } = await orphans('list', '--json');
  return (JSON.parse(stdout) as { orphans: Listed[] }).orphans;
}

/** The findings by what they are and whom they are of. */
const named = (all: readonly Listed[], names: ReadonlyMap<string, string>) =>
  all
    .map(({ kind, owner }) => `${names.get(owner?.bindingId ?? owner?.instanceId ?? '') ?? '?'}: ${kind}`)
    .sort();

const answers = (login: Login) => runSql<{ one: number }>(login, 'select 1 as one');
const works = (login: Login) => expect(answers(login)).resolves.toEqual([{ one: 1 }]);
const fails = (login: Login) => expect(answers(login)).rejects.toThrow();
const loginsOn = async (login: Login) =>
  (
    await runSql<{ name: string }>(
      login,
      String.raw`select rolname as name from pg_roles where rolname like 'b\_%'`,
    )
  )
    .map(({ name }) => name)
    .sort();

async function maxConnections(login: Login): Promise<string | undefined> {
  const [row] = await runSql<{ max_connections: string }>(login, 'show max_connections');
  return row?.max_connections;
}

async function update(instance: PlatformInstance, parameters: Record<string, number>): Promise<void> {
  await broker.client.expect([202], 'PATCH', `${instance.path}?accepts_incomplete=true`, {
    service_id: plan.service_id,
    context: { platform: 'kubernetes', namespace: app.name },
    parameters,
  });
  await instance.untilFinished(broker);
}

async function rotate(instance: PlatformInstance, from: string, to: string): Promise<Login> {
  await broker.client.expect([201, 202], 'PUT', `${instance.bindingPath(to)}?accepts_incomplete=true`, {
    ...plan,
    predecessor_binding_id: from,
  });
  await broker.client.untilFinished(instance.bindingPath(to), () => undefined);
  return instance.credentials(broker, to);
}

/** The uids of all that is labelled: objects of instances, and what was delivered. */
async function standing(instances: readonly PlatformInstance[]): Promise<string[]> {
  const labelSelector = `chandler.dev/installation=${await installationId(home)}`;
  const [secrets, configMaps] = await Promise.all([
    core().listNamespacedSecret({ namespace: app.name, labelSelector }),
    core().listNamespacedConfigMap({ namespace: app.name, labelSelector }),
  ]);
  const delivered = [...secrets.items, ...configMaps.items].map(({ metadata }) => metadata?.uid ?? '');
  const own = await Promise.all(instances.map(async ({ id }) => [...(await objectsOf(home, id)).values()]));
  return [...delivered, ...own.flat()].sort();
}

test('a database restored from an older dump is settled finding by finding', async () => {
  broker = await home.start();
  plan = await firstPlan(broker);
  const instance = () => new PlatformInstance(plan, app.name);
  const [old, lostGone, lostKept, made, unwanted] = [
    instance(),
    instance(),
    instance(),
    instance(),
    instance(),
  ];
  await Promise.all([old.provision(broker), lostGone.provision(broker), lostKept.provision(broker)]);
  const kept = await old.bind(broker, 'kept');
  const unbound = await old.bind(broker, 'unbound, wanted again');
  const unboundForGood = await old.bind(broker, 'unbound for good');
  const goneWithIts = await lostKept.bind(broker, 'of the one made again');
  await runSql(kept, 'create table notes (text text)');
  await runSql(kept, `insert into notes values ('before the dump')`);

  await broker.kill('SIGTERM');
  const dump = await dumpDatabase(home.databaseUrl);
  broker = await home.start();

  // Ten operations that the dump knows nothing of.
  await made.provision(broker);
  await unwanted.provision(broker);
  const ofMade = await made.bind(broker, 'of the adopted one');
  await runSql(ofMade, `create table notes as select 'after the dump'::text as text`);
  const added = await old.bind(broker, 'added');
  const rotated = await rotate(old, 'kept', 'rotated');
  await old.unbind(broker, 'unbound, wanted again');
  await old.unbind(broker, 'unbound for good');
  await lostGone.deprovision(broker);
  await lostKept.deprovision(broker);
  await update(old, { maxConnections: 60 });

  await broker.kill('SIGTERM');
  await dump.restore();
  const everybody = [old, lostGone, lostKept, made, unwanted];
  const before = { objects: await standing(everybody), logins: await loginsOn(kept) };
  broker = await home.start();

  const names = new Map([
    [old.id, 'old'],
    [lostGone.id, 'deprovisioned for good'],
    [lostKept.id, 'deprovisioned, wanted again'],
    [made.id, 'made'],
    [unwanted.id, 'unwanted'],
    ...['kept', 'unbound, wanted again', 'unbound for good', 'of the one made again'].map(twice),
    ...['of the adopted one', 'added', 'rotated'].map(twice),
  ]);
  const expected = [
    'made: instance without row',
    'unwanted: instance without row',
    'of the adopted one: binding without row',
    'added: binding without row',
    'rotated: binding without row',
    'unbound, wanted again: binding without object',
    'unbound for good: binding without object',
    'deprovisioned for good: instance without object',
    'deprovisioned, wanted again: instance without object',
    'of the one made again: binding without object',
    'old: drift',
  ].sort();
  const found = await eventually('the sweeps have confirmed all', async () => {
    const all = await listed();
    const complete = expected.every((each) => named(all, names).includes(each));
    return complete && all.every(({ confirmed }) => confirmed) ? all : undefined;
  });
  expect(named(found, names)).toEqual(expected);
  expect((await orphans('list')).exitCode).toBe(1);

  // Nothing was deleted by itself, and everything that worked still does.
  await new Promise((resolve) => setTimeout(resolve, 6_000));
  expect(await standing(everybody)).toEqual(before.objects);
  expect(await loginsOn(kept)).toEqual(before.logins);
  for (const login of [kept, added, rotated, ofMade]) await works(login);

  /** As the list shows it now: while an operation was at work, sweeps looked away, and then found it anew. */
  const idOf = (name: string, fits: (orphan: Listed) => boolean = () => true) =>
    eventually(`a finding of ${name}`, async () => {
      const orphan = (await listed()).find(
        ({ owner }) => names.get(owner?.bindingId ?? owner?.instanceId ?? '') === name,
      );
      return orphan?.confirmed === true && fits(orphan) ? orphan.shortId : undefined;
    });
  const fine = async (ended: Promise<Ended>) => expect(await ended).toMatchObject({ exitCode: 0 });

  await fine(orphans('adopt', await idOf('made'), '--dry-run'));
  await fine(orphans('adopt', await idOf('made')));
  // Only the sweep can say whether the login that a Secret speaks of is on the server.
  const withLogin = ({ findings }: Listed) => findings.some(({ kind }) => kind === 'login without row');
  await fine(orphans('adopt', await idOf('of the adopted one', withLogin)));
  expect(await orphans('remove', await idOf('unwanted'))).toMatchObject({ exitCode: 2 });
  await fine(orphans('remove', await idOf('unwanted'), '--yes'));
  await fine(orphans('adopt', await idOf('rotated')));
  await fine(orphans('remove', await idOf('added'), '--yes'));
  await fine(orphans('recreate', await idOf('unbound, wanted again')));
  const goodbye = [await idOf('unbound for good'), await idOf('deprovisioned for good')];
  await fine(orphans('remove', ...goodbye, '--yes'));
  const again = 'deprovisioned, wanted again';
  expect(await orphans('recreate', await idOf(again))).toMatchObject({ exitCode: 1 });
  await fine(orphans('recreate', await idOf(again), '--with-empty-volumes'));
  await fine(orphans('recreate', await idOf('of the one made again')));
  expect(await maxConnections(kept)).toBe('60');
  await fine(orphans('recreate', await idOf('old')));
  expect(await maxConnections(kept)).toBe('100');

  await eventually('nothing is left', async () =>
    (await orphans('list')).exitCode === 0 ? true : undefined,
  );
  expect(await listed()).toEqual([]);

  for (const { password } of [kept, unbound, goneWithIts, ofMade, added, rotated]) {
    expect(printed).not.toContain(password);
  }

  // Each is what it was settled as.
  for (const login of [kept, rotated, ofMade]) await works(login);
  await works(unbound);
  await works(goneWithIts);
  await fails(added);
  await fails(unboundForGood);
  expect(await runSql(kept, 'select text from notes')).toEqual([{ text: 'before the dump' }]);
  expect(await runSql(ofMade, 'select text from notes')).toEqual([{ text: 'after the dump' }]);
  expect((await objectsOf(home, unwanted.id)).size).toBe(0);
  // The platform knows the adopted one as its own: a repeat is one, and it takes every verb.
  const repeat = await broker.client.call('PUT', `${made.path}?accepts_incomplete=true`, {
    ...plan,
    ...{ organization_guid: 'org', space_guid: 'space', parameters: {} },
    context: { platform: 'kubernetes', namespace: app.name },
  });
  expect(repeat.status).toBe(200);
  expect(await made.credentials(broker, 'of the adopted one')).toMatchObject(ofMade);
  await works(await made.bind(broker, 'one more'));
  await made.deprovision(broker);
  expect((await objectsOf(home, made.id)).size).toBe(0);
}, 540_000);

function twice(name: string): [string, string] {
  return [name, name];
}
