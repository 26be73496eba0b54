import type { WorkerDeps } from '../types.ts';

export interface SweepContext {
  deps: WorkerDeps;
  /** Call before each effect. @throws LeaseLost when the sweeper's lease is gone, or it was stopped */
  guard(): void;
  /** Aborted when the sweeper is stopped. */
  signal: AbortSignal;
}

/** One look over everything, repeated round after round. Whatever it does may be done again. */
export interface Sweep {
  name: string;
  run(context: SweepContext): Promise<void>;
}
