/** Runs the checker against the reference broker, whole or with a rule broken. */
import { type CheckOptions, checkBroker, type Report } from '../../src/conformance/check-broker.ts';
import type { Selection } from '../../src/conformance/selection.ts';
import type { Result } from '../../src/conformance/types.ts';
import { checkOptions, silent } from '../support/check-options.ts';
import type { Mutant } from './mutants/types.ts';
import { type RunningReferenceBroker, startReferenceBroker } from './start-reference-broker.ts';

export function optionsFor(broker: RunningReferenceBroker, change: Partial<CheckOptions> = {}): CheckOptions {
  return checkOptions(broker.url, {
    username: broker.username,
    password: broker.password,
    requestTimeoutMs: 30_000,
    plans: ['reference/quick'],
    ...{ operationMs: 5000, pollMs: 4, parallel: 6, raceWidth: 8 },
    ...change,
  });
}

/** These checks alone. */
export function exactly(ids: readonly string[]): Selection {
  return { only: ids, skip: [] };
}

/** Long enough for a request to come in between, and, for a machine that is busy, much longer. */
const delays = [30, 150, 600] as const;

export interface Trial {
  failed: Result[];
  /** What of `caughtBy` did not fail. */
  missed: string[];
  /** Failures of level must that the mutant does not account for. */
  unrelated: Result[];
}

/** @param whole whether all checks are run, or only those that the mutant is about */
export async function tryMutant(mutant: Mutant, whole: boolean): Promise<Trial> {
  const [delayMs, ...longer] = delays;
  const trial = judged(mutant, await run(mutant, whole, delayMs));
  for (const delayMs of longer) {
    if (trial.missed.length === 0) break;
    const again = judged(mutant, await run(mutant, false, delayMs));
    trial.missed = again.missed;
    trial.failed = [...trial.failed, ...again.failed];
    trial.unrelated = [...trial.unrelated, ...again.unrelated];
  }
  return trial;
}

async function run(mutant: Mutant, whole: boolean, delayMs: number): Promise<Report> {
  const broker = await startReferenceBroker({ mutant: mutant.changes, delayMs });
  try {
    const { plan, platform, caughtBy, shownBy = [] } = mutant;
    const selection = whole ? {} : exactly([...caughtBy, ...shownBy]);
    return await checkBroker(optionsFor(broker, { plans: [plan], platform, ...selection }), silent);
  } finally {
    await broker.stop();
  }
}

function judged({ caughtBy, also = {} }: Mutant, { results }: Report): Trial {
  const failed = results.filter(({ outcome }) => outcome === 'failed');
  return {
    failed,
    missed: caughtBy.filter((id) => !failed.some((result) => result.id === id)),
    unrelated: failed.filter(
      ({ id, level }) => level === 'must' && !caughtBy.includes(id) && !Object.hasOwn(also, id),
    ),
  };
}
