/** The part of the chaos suite that every run of the tests has: all kinds of faults once, on two replicas. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Load } from './support/load.ts';
import { spread, table } from './support/numbers.ts';
import { createScene, type Scene } from './support/scene.ts';

const count = 12;
const clients = 6;
const leaseSeconds = 5;

let scene: Scene;
beforeAll(async () => {
  const replica = { CHANDLER_LEASE_SECONDS: String(leaseSeconds) };
  scene = await createScene({ replicas: [replica, replica], patienceMs: 90_000 });
});
afterAll(() => scene?.close());

/** One of each, then kills until the work is done. */
async function faults({ api, postgres, replicas }: Scene, work: Promise<unknown>): Promise<void> {
  await sleep(1_000);
  await replicas.kill(0);
  await replicas.restart(0);
  await replicas.whileStopped(1, () => sleep((leaseSeconds + 2) * 1000));
  await api.switchTo('refuse');
  await sleep(3_000);
  await api.switchTo('pass');
  await postgres.restartImmediately();
  await replicas.killInTurn(3_000, work);
}

it(`${count} lives go well through kills, a standstill, and restarts of Postgres and of the API server`, async () => {
  const load = new Load(scene.platform);
  const work = load.make(count, clients).then(() => load.remove(clients));
  await faults(scene, work);
  await work;
  const { world, broken } = await scene.judge();

  const takeoverSeconds = scene.replicas.takeovers().flatMap(({ seconds }) => seconds ?? []);
  console.log(
    `chaos, the short part: ${scene.replicas.kills} kills of two replicas\n${table([
      ...load.rows(),
      ['takeover after', spread(takeoverSeconds)],
    ])}`,
  );
  expect(load.problems()).toEqual([]);
  expect(load.count('deprovision')).toBe(count);
  expect(broken).toEqual({});
  expect(world.objects.filter(({ deleting }) => !deleting)).toEqual([]);
  expect(world.logins).toEqual([]);
}, 150_000);
