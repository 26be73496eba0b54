import type { OperationClaim } from '../store/types.ts';
import { operationFields } from '../telemetry/events.ts';
import { runOperation } from './run-operation.ts';
import type { WorkerDeps } from './types.ts';

export interface Worker {
  /** Stops claiming and waits for the ticks under way, `graceMs` at most. What is left resumes when its lease ends. */
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
 * - stopped: claims no more.
 * Only `pump` claims, and only one pump runs at a time; a wake during a pump makes it go round once more.
 */
export function startWorker(deps: WorkerDeps): Worker {
  const { store, settings, events } = deps;
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
        sleepMs = Math.min(longestSleepMs, (await store.operationQueue.msUntilNextDue()) ?? longestSleepMs);
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
      const claim = await store.operationQueue.claim(settings.owner, settings.leaseSeconds);
      if (claim === undefined) return;
      if (stopped) return giveBack(claim);
      events.operationClaimed({ ...operationFields(claim.operation), fence: claim.fence });
      const run = runOperation(claim, deps).finally(() => {
        running.delete(run);
        wake();
      });
      running.add(run);
    }
  }

  /** A claim that was on its way when the worker was stopped: another one may have it at once. */
  async function giveBack(claim: OperationClaim): Promise<void> {
    const { attempts, errorCode } = claim.operation;
    await store.operationQueue.release(claim, {
      runAfterMs: 0,
      attempts,
      ...(errorCode === undefined ? {} : { errorCode }),
    });
  }

  const stopListening = store.operationQueue.onWake(wake);
  wake();

  return {
    async stop(graceMs) {
      stopped = true;
      stopListening();
      clearTimeout(alarm);
      let timer: NodeJS.Timeout | undefined;
      const grace = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, graceMs);
      });
      await Promise.race([pumped.then(() => Promise.allSettled([...running])), grace]);
      clearTimeout(timer);
    },
  };
}
