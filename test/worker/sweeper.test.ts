/** Who runs sweeps, and when. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Store } from '../../src/store/types.ts';
import { runSweeps, startSweeper } from '../../src/worker/sweeps/sweeper.ts';
import { startWorkerHarness, type WorkerHarness } from '../support/worker-harness.ts';

let harness: WorkerHarness;
beforeEach(async () => {
  harness = await startWorkerHarness();
});
afterEach(() => harness.close());

const leases = async () =>
  (await harness.query(`select name from leases where expires_at > clock_timestamp() order by 1`)).map(
    ({ name }) => name,
  );

test('a round that runs keeps a second one out, and a failing sweep keeps no other from running', async () => {
  const ran: string[] = [];
  const deps = harness.newDeps();
  const inner = { name: 'inner', run: async () => void ran.push('second round') };
  const sweeps = [
    { name: 'broken', run: () => Promise.reject(new Error('broken')) },
    {
      name: 'outer',
      run: async () => {
        expect(await runSweeps(deps, [inner])).toBe(false);
        ran.push('outer');
      },
    },
  ];
  expect(await runSweeps(deps, sweeps)).toBe(true);
  expect(ran).toEqual(['outer']);
  expect(harness.eventsOf('backgroundFaulted').map(({ fields }) => fields.task)).toEqual(['sweep broken']);
  expect(await runSweeps(deps, [inner])).toBe(true);
});

test('rounds of several replicas do not add up: none begins before the next one is due', async () => {
  const rounds: string[] = [];
  const sweeps = [{ name: 'counted', run: async () => void rounds.push('round') }];
  await harness.store.holdLease('sweeper pace', 'another replica', 60);
  const sweeper = startSweeper(harness.newDeps(), sweeps, { everySeconds: 0.1 });
  await sleep(600);
  expect(rounds).toEqual([]);
  // The other one died, and its time is over.
  await harness.store.releaseLease('sweeper pace', 'another replica');
  await expect.poll(() => rounds.length, { timeout: 5_000 }).toBeGreaterThan(1);
  await sweeper.stop(5_000);
  const before = rounds.length;
  await sleep(300);
  expect(rounds).toHaveLength(before);
});

test('0 seconds run none', async () => {
  const rounds: string[] = [];
  const sweeps = [{ name: 'counted', run: async () => void rounds.push('round') }];
  startSweeper(harness.newDeps(), sweeps, { everySeconds: 0 });
  await sleep(200);
  expect(rounds).toEqual([]);
});

test('a stop ends the round under way before its next effect, and lets the round go', async () => {
  const begun = Promise.withResolvers<void>();
  const effects: string[] = [];
  const sweeps = [
    {
      name: 'slow',
      run: async ({ guard }: { guard: () => void }) => {
        begun.resolve();
        for (;;) {
          guard();
          effects.push('effect');
          await sleep(20);
        }
      },
    },
    { name: 'next', run: async () => void effects.push('next sweep') },
  ];
  const sweeper = startSweeper(harness.newDeps(), sweeps, { everySeconds: 0.05 });
  await begun.promise;
  expect(await leases()).toContain('sweeper');
  await sweeper.stop(5_000);
  expect(await leases()).not.toContain('sweeper');
  expect(effects).not.toContain('next sweep');
  expect(harness.eventsOf('backgroundFaulted')).toEqual([]);
});

test('a sweep makes no effect when the lease of its round is lost', async () => {
  await harness.close();
  harness = await startWorkerHarness({ leaseSeconds: 0.6 });
  let isTaken = false;
  const holdLease: Store['holdLease'] = async (...given) => {
    const mayHold = !isTaken;
    isTaken = true;
    return mayHold && harness.store.holdLease(...given);
  };
  const deps = harness.newDeps({ store: { ...harness.store, holdLease } });
  const effects: string[] = [];
  const sweeps = [
    {
      name: 'late',
      run: async ({ guard }: { guard: () => void }) => {
        await sleep(500);
        guard();
        effects.push('effect');
      },
    },
  ];
  expect(await runSweeps(deps, sweeps)).toBe(true);
  expect(effects).toEqual([]);
  expect(harness.eventsOf('backgroundFaulted').map(({ fields }) => fields.task)).toEqual(['sweep late']);
});
