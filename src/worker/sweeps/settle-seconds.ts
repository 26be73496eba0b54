import type { WorkerDeps } from '../types.ts';

/**
 * How long after an operation ended its worker may still be heard of, even one that stood still for the rest of its
 * lease just before an effect: the lease, and as much again for the effect to land.
 */
export function settleSeconds({ settings }: Pick<WorkerDeps, 'settings'>): number {
  return 2 * settings.leaseSeconds;
}
