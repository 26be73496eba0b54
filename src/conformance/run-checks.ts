/** Runs checks lane by lane, several lanes at a time, and cleans up behind each. */
import type { CleanUp, Leftover } from './clean-up.ts';
import { Ledger } from './ledger.ts';
import type { PlanOnOffer } from './plan-on-offer.ts';
import type { Seed } from './subject.ts';
import { Lane, type Run, Tools } from './tools.ts';
import { type Check, lanes, type Result } from './types.ts';
import { Blocked, decisiveLast, Failure, NotApplicable, StillRunning } from './verdict.ts';
import type { Exchange } from './wire/exchange.ts';

/** What somebody who watches a run is told. */
export interface Listener {
  started(check: Check, plan: PlanOnOffer): void;
  finished(result: Result): void;
  /** Also of what cleans up. */
  exchanged(exchange: Exchange): void;
}

export interface Outcomes {
  results: Result[];
  leftovers: Leftover[];
  /** Whether every check had its turn. */
  complete: boolean;
}

interface Job {
  seed: Seed;
  checks: Check[];
}

/**
 * @param seeds one for each plan
 * @param parallel how many lanes at a time, so also how many instances are made at once
 */
export async function runChecks(
  run: Run,
  seeds: readonly Seed[],
  checks: readonly Check[],
  { parallel, listener, cleanUp }: { parallel: number; listener: Listener; cleanUp: CleanUp },
): Promise<Outcomes> {
  const queue = jobsOf(seeds, checks).values();
  const outcomes: Outcomes = { results: [], leftovers: [], complete: true };
  const patience = new Patience();

  async function work(): Promise<void> {
    for (const { seed, checks } of queue) {
      const lane = new Lane(new Ledger());
      for (const check of checks) {
        if (!run.signal.aborted) listener.started(check, seed.plan);
        const result = run.signal.aborted ? undefined : await runOne(run, seed, lane, check, patience);
        if (result === undefined || run.signal.aborted) {
          outcomes.complete = false;
          break;
        }
        // A broker that does what it should refuse may have changed what the next checks would share.
        if (result.outcome === 'failed') lane.forget();
        outcomes.results.push(result);
        listener.finished(result);
      }
      outcomes.leftovers.push(...(await cleanUp.clean(lane.ledger)));
    }
  }
  await Promise.all(Array.from({ length: parallel }, work));
  outcomes.leftovers.push(...(await cleanUp.lookAgain()));
  return outcomes;
}

/** The lanes with the slow instances first, so that they do not run alone at the end. */
function jobsOf(seeds: readonly Seed[], checks: readonly Check[]): Job[] {
  const inLane = (name: (typeof lanes)[number]) => checks.filter(({ lane }) => lane === name);
  const [first] = seeds;
  const once: Job[] = first === undefined ? [] : [{ seed: first, checks: inLane('broker') }];
  const perPlan = seeds.flatMap((seed): Job[] => [
    ...lanes
      .filter((name) => name !== 'broker' && name !== 'own')
      .map((name) => ({ seed, checks: inLane(name) })),
    ...inLane('own').map((check) => ({ seed, checks: [check] })),
  ]);
  return [...once, ...perPlan].filter(({ checks }) => checks.length > 0);
}

/** How many checks in a row without a single answer, or of one plan with an operation that does not end, are enough. */
const mostSilent = 3;
const mostStuck = 2;

/** Sees when going on would only wait: a broker that is gone, a plan whose operations do not end. */
class Patience {
  #silent = 0;
  readonly #stuck = new Map<string, number>();

  /** @returns why the next check is not even tried */
  isOver(plan: PlanOnOffer): string | undefined {
    if (this.#silent >= mostSilent)
      return `the broker did not answer the requests of ${mostSilent} checks in a row`;
    const isStuck = (this.#stuck.get(plan.label) ?? 0) >= mostStuck;
    return isStuck ? `${mostStuck} operations of this plan did not end in time (--timeout)` : undefined;
  }

  saw(exchanges: readonly Exchange[]): void {
    if (exchanges.length === 0) return;
    this.#silent = exchanges.every(({ answer }) => answer === undefined) ? this.#silent + 1 : 0;
  }

  sawStuck(plan: PlanOnOffer): void {
    this.#stuck.set(plan.label, (this.#stuck.get(plan.label) ?? 0) + 1);
  }
}

async function runOne(run: Run, seed: Seed, lane: Lane, check: Check, patience: Patience): Promise<Result> {
  const tools = new Tools(run, seed, lane);
  const started = performance.now();
  const over = patience.isOver(seed.plan);
  const verdict =
    over === undefined
      ? await verdictOf(check, tools, () => patience.sawStuck(seed.plan))
      : { outcome: 'blocked' as const, message: over, exchanges: [] };
  patience.saw(tools.exchanges);
  const { id, items, level, group, title } = check;
  return {
    ...{ id, items, level, group, title },
    plan: check.lane === 'broker' ? undefined : seed.plan.label,
    ...verdict,
    milliseconds: Math.round(performance.now() - started),
  };
}

async function verdictOf(
  check: Check,
  tools: Tools,
  stuck: () => void,
): Promise<Pick<Result, 'outcome' | 'message' | 'exchanges'>> {
  const { exchanges } = tools;
  try {
    await check.run(tools);
    return { outcome: 'passed', message: undefined, exchanges };
  } catch (thrown) {
    if (thrown instanceof StillRunning) stuck();
    if (thrown instanceof Failure) {
      const { message, answer } = thrown;
      return { outcome: 'failed', message, exchanges: decisiveLast(exchanges, answer) };
    }
    if (thrown instanceof Blocked) return { outcome: 'blocked', message: thrown.message, exchanges };
    if (thrown instanceof NotApplicable)
      return { outcome: 'not applicable', message: thrown.message, exchanges };
    if (tools.run.signal.aborted) return { outcome: 'blocked', message: 'interrupted', exchanges };
    // Not the broker's fault: it must not cost the report, nor the clean-up.
    const trace = thrown instanceof Error ? thrown.stack : String(thrown);
    return { outcome: 'blocked', message: `this check has a fault of its own: ${trace}`, exchanges };
  }
}
