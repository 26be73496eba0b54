/** A replica whose clock is an hour wrong works beside one whose clock is right: leases are of the clock of Postgres. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Load } from './support/load.ts';
import { table } from './support/numbers.ts';
import { createScene, type Scene } from './support/scene.ts';

const count = 20;
const shiftFile = new URL('./support/shift-clock.ts', import.meta.url).href;

function shifted(hours: number): Record<string, string> {
  return { NODE_OPTIONS: `--import ${shiftFile}`, CHAOS_CLOCK_SHIFT_MS: String(hours * 3_600_000) };
}

describe.each([1, -1])('a clock that is %i h off', (hours) => {
  let scene: Scene;
  beforeAll(async () => {
    scene = await createScene({ replicas: [{}, shifted(hours)], patienceMs: 120_000 });
  });
  afterAll(() => scene?.close());

  it('both work, nobody takes what another holds, and all ends well', async () => {
    const load = new Load(scene.platform);
    await load.make(count, 8);
    await load.remove(8);
    const { broken } = await scene.judge();

    const claims = [0, 1].map((index) => scene.replicas.at(index).lines());
    const claimedBy = claims.map(
      (lines) => lines.filter(({ message }) => message === 'operation claimed').length,
    );
    const lost = claims.flat().filter(({ message }) => message === 'lease lost');
    const hourOff = claims[1]?.every(({ time }) => Math.abs(Date.parse(time) - Date.now()) > 3_000_000);
    console.log(
      `chaos, clock ${hours} h off\n${table([...load.rows(), ['claims', claimedBy.join(' and ')]])}`,
    );
    expect(hourOff).toBe(true);
    expect(load.problems()).toEqual([]);
    expect(broken).toEqual({});
    expect(lost).toEqual([]);
    expect(Math.min(...claimedBy)).toBeGreaterThan(0);
  });
});
