import fc from 'fast-check';
import { expect, it } from 'vitest';
import { backoffMs } from './backoff.ts';

it('backoff grows to its maximum, never beyond, and never below half of its ceiling', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 10_000 }),
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      (attempt, random) => {
        const delay = backoffMs(attempt, { initialMs: 100, maximumMs: 5_000 }, random);
        const ceiling = Math.min(5_000, 100 * 2 ** Math.min(attempt - 1, 30));
        expect(delay).toBeGreaterThanOrEqual(ceiling / 2 - 1);
        expect(delay).toBeLessThanOrEqual(ceiling);
      },
    ),
  );
});
