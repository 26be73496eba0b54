/** The conformance checker as tests run it. */
import { expect } from 'vitest';
import { type CheckOptions, checkBroker, type Report } from '../../src/conformance/check-broker.ts';
import type { Listener } from '../../src/conformance/run-checks.ts';

/** Options that each test says some of. */
export function checkOptions(url: string, given: Partial<CheckOptions>): CheckOptions {
  return {
    url: new URL(url),
    ...{ username: undefined, password: undefined, token: undefined, caFile: undefined, insecure: false },
    requestTimeoutMs: 60_000,
    platform: undefined,
    plans: [],
    ...{ parameters: undefined, updateParameters: [], bindParameters: undefined },
    ...{ context: {}, namespace: 'default' },
    ...{ operationMs: 60_000, pollMs: 10, parallel: 4, raceWidth: 10 },
    ...{ only: [], skip: [] },
    ...given,
  };
}

/** Hears nothing. */
export const silent: Listener = {
  started: () => undefined,
  finished: () => undefined,
  exchanged: () => undefined,
};

export function check(url: string, given: Partial<CheckOptions>, signal?: AbortSignal): Promise<Report> {
  return checkBroker(checkOptions(url, given), silent, signal);
}

/** What went wrong, so that a test that fails prints it: failures and what could not be tried. */
function complaintsOf({ results }: Pick<Report, 'results'>): string[] {
  return results
    .filter(({ outcome }) => outcome === 'failed' || outcome === 'blocked')
    .map(({ id, level, plan, outcome, message }) => `${outcome} (${level}) ${plan ?? ''} ${id}: ${message}`);
}

/** No failure at any level, nothing blocked, nothing left over. */
export function expectConformance(report: Report): void {
  expect(complaintsOf(report)).toEqual([]);
  expect(report.leftovers.map(({ entry }) => entry)).toEqual([]);
  expect(report.interrupted).toBe(false);
}

/** Of every id, how the run came out; for tests that say which checks must have been tried. */
export function outcomesOf({ results }: Report): Record<string, string> {
  return Object.fromEntries(results.map(({ id, outcome }) => [id, outcome]));
}
