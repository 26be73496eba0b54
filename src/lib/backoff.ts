export interface BackoffOptions {
  /** First delay in milliseconds. */
  initialMs: number;
  /** Longest delay in milliseconds. */
  maximumMs: number;
}

/**
 * Exponential delay with full jitter, in milliseconds.
 * @param attempt 1 for the first retry
 * @param random a number in [0, 1); given in tests
 */
export function backoffMs(attempt: number, options: BackoffOptions, random: number = Math.random()): number {
  const ceiling = Math.min(options.maximumMs, options.initialMs * 2 ** Math.min(attempt - 1, 30));
  return Math.round(ceiling / 2 + (random * ceiling) / 2);
}
