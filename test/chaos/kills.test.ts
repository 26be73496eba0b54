/**
 * Provisions and binds on three replicas while one of them is killed every three seconds: each ends as it should, once.
 * CHANDLER_CHAOS_COUNT sets how many of each.
 */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { inParallel, spread, table } from './support/numbers.ts';
import type { Ended } from './support/platform.ts';
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

function tally(ends: readonly Ended[]): string {
  return [...Map.groupBy(ends, (end) => end)].map(([end, same]) => `${same.length} ${end}`).join(', ');
}

it(`${count} provisions and ${count} binds end well, while a replica dies every ${killEveryMs / 1000} s`, async () => {
  const { platform, replicas } = scene;
  const ids = Array.from({ length: count }, () => randomUUID());
  const seconds: Record<string, number[]> = { provision: [], bind: [], unbind: [], deprovision: [] };
  const timed = async <T>(verb: string, work: Promise<T>): Promise<T> => {
    const startedAt = performance.now();
    const result = await work;
    seconds[verb]?.push((performance.now() - startedAt) / 1000);
    return result;
  };
  const provisions: Ended[] = [];
  const unbinds: Ended[] = [];
  const deprovisions: Ended[] = [];
  let bound = 0;
  let letIn = 0;

  const startedAt = performance.now();
  const work = inParallel(count, clients, async (index) => {
    const id = ids[index] ?? '';
    provisions.push(await timed('provision', platform.provision(id)));
    if (index % 10 === 0) await platform.repeatProvision(id);
    if (index % 10 === 1) await platform.conflictingProvision(id);
    await platform.fetch(id);
    const binding = await timed('bind', platform.bind(id));
    if (binding === undefined) return;
    bound += 1;
    if (index % 2 === 1) return;
    unbinds.push(await timed('unbind', platform.unbind(id, binding)));
    if (await platform.tryLogin(id, binding)) letIn += 1;
  });
  await replicas.killInTurn(killEveryMs, work);
  await work;
  const madeSeconds = (performance.now() - startedAt) / 1000;
  const made = await scene.judge();
  const liveObjects = made.world.objects.filter(({ deleting }) => !deleting).length;

  const removal = inParallel(count, clients, async (index) => {
    deprovisions.push(await timed('deprovision', platform.deprovision(ids[index] ?? '')));
  });
  await replicas.killInTurn(killEveryMs, removal);
  await removal;
  const removedSeconds = (performance.now() - startedAt) / 1000 - madeSeconds;
  const removed = await scene.judge();

  const takeovers = replicas.takeovers();
  const takeoverSeconds = takeovers.flatMap((takeover) => takeover.seconds ?? []);
  const unknown = platform.history.exchanges.filter(({ answer }) => answer === undefined).length;
  console.log(
    `chaos: kills\n${table([
      ['replicas killed', String(replicas.kills)],
      ['requests', `${platform.history.exchanges.length}, ${unknown} without an answer`],
      ['provisions', `${tally(provisions)}; ${spread(seconds.provision ?? [])}`],
      ['binds', `${bound} of ${count}; ${spread(seconds.bind ?? [])}`],
      ['unbinds', `${tally(unbinds)}; ${spread(seconds.unbind ?? [])}; logins let in after: ${letIn}`],
      ['deprovisions', `${tally(deprovisions)}; ${spread(seconds.deprovision ?? [])}`],
      ['time', `${madeSeconds.toFixed(0)} s to make, ${removedSeconds.toFixed(0)} s to remove`],
      ['objects', `${liveObjects} when made, ${removed.world.objects.length} in the end`],
      ['operations taken over', `${takeoverSeconds.length} of ${takeovers.length} held at a kill`],
      ['takeover', spread(takeoverSeconds)],
    ])}`,
  );

  expect(tally(provisions)).toBe(`${count} succeeded`);
  expect(bound).toBe(count);
  expect(unbinds).toHaveLength(Math.ceil(count / 2));
  const badEnds = [...unbinds, ...deprovisions].filter((end) => end !== 'succeeded' && end !== 'gone');
  expect(badEnds).toEqual([]);
  expect(letIn).toBe(0);
  expect(made.broken).toEqual({});
  expect(removed.broken).toEqual({});
  expect(removed.world.objects.filter(({ deleting }) => !deleting)).toEqual([]);
  expect(removed.world.logins).toEqual([]);
  expect(takeovers.filter((takeover) => takeover.seconds === undefined)).toEqual([]);
  expect(Math.max(0, ...takeoverSeconds)).toBeLessThan(takeoverBoundSeconds);
}, 1_800_000);
