/**
 * A replica stands still in the middle of an effect, for longer than its lease; another one takes over, ends the
 * operation, and what was made is removed. Then the effect arrives after all, and the first one wakes up: it changes no
 * row, does nothing more outside, and what arrived late does not stay.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, expect, inject, it } from 'vitest';
import type { Held } from '../support/black-hole.ts';
import { eventually } from '../support/cluster.ts';
import { queryDatabase } from '../support/postgres.ts';
import { ApiProxy } from './support/api-proxy.ts';
import type { Bound, Ended, Platform } from './support/platform.ts';
import { createScene, type Scene } from './support/scene.ts';
import type { World } from './support/world.ts';

const leaseSeconds = 5;
const sweepSeconds = 5;
/** What a quick bind or unbind waits before it answers 202. */
const quickAnswerMs = 2_000;
/** Whatever the late one has left to do it does in this time. */
const aftermathMs = 6_000;
/** Two sweeps, and room. */
const sweptMs = 60_000;

const late = 0;
const other = 1;
let scene: Scene;
let lateApi: ApiProxy;
let platform: Platform;
/** Whom the platform asks; nobody while the other one starts. */
let asked: number | undefined = late;

beforeAll(async () => {
  lateApi = await ApiProxy.start(inject('kubeconfigPath'));
  scene = await createScene({
    replicas: [
      {
        CHANDLER_LEASE_SECONDS: String(leaseSeconds),
        CHANDLER_KUBECONFIG: lateApi.kubeconfigPath,
        CHANDLER_SWEEP_SECONDS: '0',
      },
      { CHANDLER_LEASE_SECONDS: String(leaseSeconds), CHANDLER_SWEEP_SECONDS: String(sweepSeconds) },
    ],
    patienceMs: 90_000,
    startFirst: 1,
  });
  platform = scene.newPlatform(() => (asked === undefined ? [] : [scene.replicas.at(asked).url]));
});
afterAll(async () => {
  await scene?.close();
  await lateApi?.close();
});

let instanceId: string;
let binding: Bound | undefined;
beforeEach(() => {
  asked = late;
  instanceId = randomUUID();
});
afterEach(() => scene.replicas.kill(other));

interface Standstill {
  /** What is held on its way; asked for before the work begins. */
  hold: () => Held;
  work: () => Promise<Ended>;
  /** Removes what the work made, by way of the other replica. */
  remove?: () => Promise<Ended>;
}

async function standStill({ hold, work, remove }: Standstill): Promise<void> {
  const { replicas } = scene;
  const { pid } = replicas.at(late);
  const held = hold();
  const working = work();
  await held.reached;
  await sleep(quickAnswerMs);
  process.kill(pid, 'SIGSTOP');
  let before: string;
  let wokenAt: number;
  try {
    asked = undefined;
    await replicas.restart(other);
    asked = other;
    expect(['succeeded', 'gone']).toContain(await working);
    if (remove !== undefined) expect(['succeeded', 'gone']).toContain(await remove());
    before = await rowsDigest();
    held.letGo();
    await sleep(500);
  } finally {
    wokenAt = performance.now();
    process.kill(pid, 'SIGCONT');
  }
  await sleep(aftermathMs);
  expect(lateApi.changesSince(wokenAt)).toEqual([]);
  expect(await rowsDigest()).toBe(before);
  const arrived = await leftOutside();
  const startedAt = performance.now();
  await eventually('nothing that arrived late is left', nothingLeft, sweptMs).catch(async () => {
    expect(await leftOutside()).toEqual([]);
  });
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  console.log(
    `chaos, standstill: arrived late and went within ${seconds} s: ${arrived.join(', ') || 'nothing'}`,
  );
  expect((await scene.judge(platform)).broken).toEqual({});
}

/** What the late one could have written to; what sweeps note is theirs. */
async function rowsDigest(): Promise<string> {
  const notes = `array['swept_at', 'drift_checked_at']`;
  const tables = ['service_instances', 'service_bindings', 'operations', 'inventory'];
  const rows = await Promise.all(
    tables.map((table) =>
      queryDatabase<{ row: string }>(
        scene.postgres.directUrl,
        `select (to_jsonb(t) - ${notes})::text as row from ${table} t order by 1`,
      ),
    ),
  );
  return rows
    .flat()
    .map(({ row }) => row)
    .join('\n');
}

/** Nothing of this instance is outside, whichever replica made it. */
async function nothingLeft(): Promise<true | undefined> {
  return (await leftOutside()).length === 0 ? true : undefined;
}

async function leftOutside(): Promise<string[]> {
  const { world } = await scene.judge(platform);
  const uids = world.instances.filter((row) => row.instanceId === instanceId).map(({ uid }) => uid);
  const logins = world.bindings.filter((row) => row.instanceId === instanceId).map(({ login }) => login);
  const objects = world.objects.filter(
    ({ instanceUid, bindingUid }) => uids.includes(instanceUid) && (isGone(world) || bindingUid !== ''),
  );
  return [
    ...objects.map(({ kind, name }) => `${kind} ${name}`),
    ...world.logins.filter((login) => logins.includes(login)),
  ];
}

/** Whether the instance itself is to be gone, and not only its binding. */
function isGone({ instances }: World): boolean {
  return instances.some((row) => row.instanceId === instanceId && row.state === 'deprovisioned');
}

const provision = () => platform.provision(instanceId);
const deprovision = () => platform.deprovision(instanceId);
const bind = async (): Promise<Ended> => {
  binding = await platform.bind(instanceId);
  return binding === undefined ? 'failed' : 'succeeded';
};
const unbind = (): Promise<Ended> =>
  binding === undefined ? Promise.resolve('no end') : platform.unbind(instanceId, binding);
const unbindAndTry = async (): Promise<Ended> => {
  const end = await unbind();
  if (binding !== undefined) expect(await platform.tryLogin(instanceId, binding)).toBe(false);
  return end;
};

it('provision, before the namespace is made', async () => {
  await standStill({
    hold: () => lateApi.holdNext(/^POST \/api\/v1\/namespaces\b/),
    work: provision,
    remove: deprovision,
  });
});

it('provision, before an object of the chart is applied', async () => {
  await standStill({
    hold: () => lateApi.holdNext(/^PATCH .*\/configmaps\//),
    work: provision,
    remove: deprovision,
  });
});

it('bind, before the login is made', async () => {
  await provision();
  await standStill({
    hold: () => scene.way.holdNext('pg_advisory_lock'),
    work: bind,
    remove: unbindAndTry,
  });
});

it('bind, in the middle of making the login', async () => {
  await provision();
  await standStill({ hold: () => scene.way.holdNext('create role'), work: bind, remove: unbindAndTry });
});

it('bind, before the Secret is delivered', async () => {
  await provision();
  await standStill({ hold: () => lateApi.holdNext(/^POST .*\/secrets\b/), work: bind, remove: unbindAndTry });
});

it('unbind, in the middle of ending the login', async () => {
  await provision();
  await bind();
  await standStill({ hold: () => scene.way.holdNext('nologin'), work: unbindAndTry });
});

it('unbind, before the delivered Secret is withdrawn', async () => {
  await provision();
  await bind();
  await standStill({ hold: () => lateApi.holdNext(/^DELETE .*\/secrets\//), work: unbindAndTry });
});

it('deprovision, before an object is deleted', async () => {
  await provision();
  await standStill({ hold: () => lateApi.holdNext(/^DELETE .*\/configmaps\//), work: deprovision });
});

it('deprovision, before the namespace is deleted', async () => {
  await provision();
  await standStill({
    hold: () => lateApi.holdNext(/^DELETE \/api\/v1\/namespaces\/[^/]*$/),
    work: deprovision,
  });
});
