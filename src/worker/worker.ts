import { within } from '../lib/within.ts';
import { operationFields } from '../telemetry/events.ts';
import { monotonicMs } from './lease-keeper.ts';
import { handOver, runOperation } from './run-operation.ts';
import type { WorkerDeps } from './types.ts';

export interface Worker {
  /**
   * Drains: claims no more, and every tick under way ends where it next looks at its lease, so that an effect that was
   * begun is finished and recorded; its operation is due at once for other replicas. Waits `graceMs` at most: what is
   * still in the middle of an effect then keeps its lease, and is resumed when that ends.
   */
  stop(graceMs: number): Promise<void>;
}

/** How long the loop sleeps at most when nothing wakes it. */
const longestSleepMs = 10_000;
/** How long it rests when Postgres does not answer. */
const restMs = 1_000;

/**
 * The loop. States:
 * - claiming: takes due operations one after the other until none is due or `concurrency` ticks run;
 * - asleep: until a wake, the end of a tick, or the time the next operation falls due;
 * - stopped: claims no more, and the ticks under way hand over what they work on.
 * Only `pump` claims, and only one pump runs at a time; a wake during a pump makes it go round once more.
 */
export function startWorker(deps: WorkerDeps): Worker {
  const { store, settings, events } = deps;
  const stopping = new AbortController();
  const running = new Set<Promise<void>>();
  let stopped = false;
  let pumping = false;
  let pumped: Promise<void> = Promise.resolve();
  let wokenWhilePumping = false;
  let alarm: NodeJS.Timeout | undefined;

  function wake(): void {
    if (stopped) return;
    if (pumping) wokenWhilePumping = true;
    else pumped = pump();
  }

  async function pump(): Promise<void> {
    pumping = true;
    clearTimeout(alarm);
    let sleepMs = longestSleepMs;
    try {
      do {
        wokenWhilePumping = false;
        await claimAll();
      } while (wokenWhilePumping && !stopped);
      if (running.size < settings.concurrency) {
        sleepMs = Math.min(
          longestSleepMs,
          (await store.operationQueue.msUntilNextDue(settings.limits)) ?? longestSleepMs,
        );
      }
    } catch (thrown) {
      events.backgroundFaulted({ task: 'claim operations', cause: thrown });
      sleepMs = restMs;
    }
    pumping = false;
    if (wokenWhilePumping) wake();
    else if (!stopped) alarm = setTimeout(wake, sleepMs);
  }

  async function claimAll(): Promise<void> {
    while (!stopped && running.size < settings.concurrency) {
      const askedAt = (settings.now ?? monotonicMs)();
      const claim = await store.operationQueue.claim(settings.owner, settings.leaseSeconds, settings.limits);
      if (claim === undefined) return;
      // It was on its way when the worker was stopped.
      if (stopped) return handOver(claim, deps);
      events.operationClaimed({ ...operationFields(claim.operation), fence: claim.fence });
      const run = runOperation(claim, askedAt, deps, stopping.signal).finally(() => {
        running.delete(run);
        wake();
      });
      running.add(run);
    }
  }

  const stopListening = store.operationQueue.onWake(wake);
  wake();

  return {
    async stop(graceMs) {
      stopped = true;
      stopping.abort();
      stopListening();
      clearTimeout(alarm);
      await within(
        graceMs,
        pumped.then(() => Promise.allSettled([...running])),
      );
    },
  };
}
