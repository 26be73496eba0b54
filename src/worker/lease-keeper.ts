import { LeaseLost, type OperationClaim } from '../store/types.ts';

/** Milliseconds of this process's monotonic clock. */
export function monotonicMs(): number {
  return performance.now();
}

export interface LeaseClock {
  /** By `now`: before the lease was asked for, since its answer may have been long on its way. */
  askedAt: number;
  /** `monotonicMs` when absent. */
  now?: (() => number) | undefined;
}

/** Keeps a lease alive (of a claim while its tick works, of a round of sweeps), and answers whether it still holds. */
export interface LeaseKeeper {
  /** @throws LeaseLost when less than a third of the lease is left or a renewal was refused */
  guard(): void;
  stop(): void;
}

/**
 * Renews every third of the lease. Time left is measured from before the lease was asked for, and then from before each
 * renewal was sent, on this process's monotonic clock, so it is never longer than Postgres thinks.
 */
export function keepLease<Hold = OperationClaim>(
  queue: { renew(hold: Hold, leaseSeconds: number): Promise<boolean> },
  claim: Hold,
  leaseSeconds: number,
  { askedAt, now = monotonicMs }: LeaseClock,
): LeaseKeeper {
  const leaseMs = leaseSeconds * 1000;
  let heldUntil = askedAt + leaseMs;
  let lost = false;

  const timer = setInterval(() => {
    const sentAt = now();
    queue.renew(claim, leaseSeconds).then(
      (renewed) => {
        if (renewed) heldUntil = sentAt + leaseMs;
        else lost = true;
      },
      // Not reached: the lease simply runs on towards its end, and guard() tells.
      () => undefined,
    );
  }, leaseMs / 3);
  timer.unref();

  return {
    guard() {
      if (lost || heldUntil - now() < leaseMs / 3) throw new LeaseLost('the lease ran out');
    },
    stop: () => clearInterval(timer),
  };
}
