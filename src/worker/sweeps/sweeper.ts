import { within } from '../../lib/within.ts';
import { sweeperPace } from '../../store/sweep-types.ts';
import { LeaseLost } from '../../store/types.ts';
import { keepLease, monotonicMs } from '../lease-keeper.ts';
import type { WorkerDeps } from '../types.ts';
import type { Sweep } from './types.ts';

export interface SweeperSettings {
  /** Seconds from one round to the next, whichever replica runs it; 0 runs none. */
  everySeconds: number;
}

export interface Sweeper {
  /** Lets the round under way end before its next effect, and waits for that, `graceMs` at most. */
  stop(graceMs: number): Promise<void>;
}

const lease = 'sweeper';

/**
 * Runs a round of sweeps now and then. Any replica may run it; two leases decide. `sweeper pace` is held from the
 * beginning of a round until the next is due, so that replicas do not add their rounds up; `sweeper` is held while a
 * round runs and is renewed, so that no two rounds run at once, and so that another can go on when its holder dies.
 */
export function startSweeper(
  deps: WorkerDeps,
  sweeps: readonly Sweep[],
  { everySeconds }: SweeperSettings,
): Sweeper {
  const stopping = new AbortController();
  let alarm: NodeJS.Timeout | undefined;
  let running: Promise<unknown> | undefined;

  async function round(): Promise<void> {
    try {
      if (!(await deps.store.holdLease(sweeperPace, deps.settings.owner, everySeconds * 0.7))) return;
      await runSweeps(deps, sweeps, stopping.signal);
    } catch (thrown) {
      deps.events.backgroundFaulted({ task: 'begin a round of sweeps', cause: thrown });
    }
  }

  function sleep(): void {
    if (stopping.signal.aborted || everySeconds === 0) return;
    alarm = setTimeout(
      () => {
        running = round().finally(() => {
          running = undefined;
          sleep();
        });
      },
      everySeconds * 1000 * (0.8 + Math.random() * 0.4),
    );
    alarm.unref();
  }

  sleep();
  return {
    async stop(graceMs) {
      stopping.abort();
      clearTimeout(alarm);
      if (running !== undefined) await within(graceMs, running);
    },
  };
}

/**
 * One round: every sweep once, one after the other. A sweep that fails is reported and does not keep the others from
 * running.
 * @returns false when another round is running, here or in another process
 * @throws ChandlerError `StoreUnavailable`
 */
export async function runSweeps(
  deps: WorkerDeps,
  sweeps: readonly Sweep[],
  signal: AbortSignal = new AbortController().signal,
): Promise<boolean> {
  const { store, events } = deps;
  const { leaseSeconds, now = monotonicMs } = deps.settings;
  // Two rounds of one process are not one holder.
  const owner = `${deps.settings.owner} ${Math.random().toString(36).slice(2)}`;
  const renew = (name: string, seconds: number) => store.holdLease(name, owner, seconds);
  const askedAt = now();
  if (!(await renew(lease, leaseSeconds))) return false;
  const keeper = keepLease({ renew }, lease, leaseSeconds, { askedAt, now });
  const guard = () => {
    if (signal.aborted) throw new LeaseLost('the sweeper was stopped');
    keeper.guard();
  };
  try {
    for (const sweep of sweeps) {
      if (signal.aborted) break;
      const startedAt = performance.now();
      try {
        await sweep.run({ deps, guard, signal });
        events.sweepFinished({ sweep: sweep.name, durationMs: Math.round(performance.now() - startedAt) });
      } catch (thrown) {
        if (signal.aborted) break;
        events.backgroundFaulted({ task: `sweep ${sweep.name}`, cause: thrown });
      }
    }
  } finally {
    keeper.stop();
    await store.releaseLease(lease, owner).catch(() => undefined);
  }
  return true;
}
