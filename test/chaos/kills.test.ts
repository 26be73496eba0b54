/**
 * Provisions and binds on three replicas while one of them is killed every three seconds: each ends as it should, once.
 * CHANDLER_CHAOS_COUNT sets how many of each.
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Load } from './support/load.ts';
import { spread, table, worst } from './support/numbers.ts';
import { createScene, type Scene } from './support/scene.ts';

const count = Number(process.env.CHANDLER_CHAOS_COUNT ?? 200);
const clients = 12;
const killEveryMs = 3_000;
/** The lease that others wait for, the slow poll, and room for two busy cores. */
const takeoverBoundSeconds = 15 + 5 + 10;

let scene: Scene;
beforeAll(async () => {
  scene = await createScene({ replicas: [{}, {}, {}], patienceMs: 600_000 });
});
afterAll(() => scene?.close());

it(`${count} provisions and binds end well, once, while a replica dies every ${killEveryMs / 1000} s`, async () => {
  const { platform, replicas } = scene;
  const load = new Load(platform);
  const underKills = async (work: Promise<void>): Promise<number> => {
    const startedAt = performance.now();
    await replicas.killInTurn(killEveryMs, work);
    await work;
    return (performance.now() - startedAt) / 1000;
  };
  const makeSeconds = await underKills(load.make(count, clients));
  const made = await scene.judge();
  const removeSeconds = await underKills(load.remove(clients));
  const removed = await scene.judge();

  const takeovers = replicas.takeovers();
  const takeoverSeconds = takeovers.flatMap((takeover) => takeover.seconds ?? []);
  const unanswered = platform.history.exchanges.filter(({ answer }) => answer === undefined).length;
  console.log(
    `chaos, kills: ${replicas.kills} of three replicas, one every ${killEveryMs / 1000} s\n${table([
      ...load.rows(),
      ['requests', `${platform.history.exchanges.length}, ${unanswered} without an answer`],
      ['time', `${makeSeconds.toFixed(0)} s to make, ${removeSeconds.toFixed(0)} s to remove`],
      ['objects', `${made.world.objects.length} when made, ${removed.world.objects.length} in the end`],
      ['held at a kill', `${takeovers.length}, taken over ${takeoverSeconds.length}`],
      ['takeover after', spread(takeoverSeconds)],
    ])}`,
  );

  expect(load.problems()).toEqual([]);
  expect([load.count('provision'), load.count('bind')]).toEqual([count, count]);
  expect(made.broken).toEqual({});
  expect(removed.broken).toEqual({});
  expect(removed.world.objects.filter(({ deleting }) => !deleting)).toEqual([]);
  expect(removed.world.logins).toEqual([]);
  expect(takeovers.filter((takeover) => takeover.seconds === undefined)).toEqual([]);
  expect(worst([0, ...takeoverSeconds])).toBeLessThan(takeoverBoundSeconds);
}, 1_800_000);
