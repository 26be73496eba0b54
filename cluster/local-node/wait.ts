/** Waiting for something outside to become true, with a limit and the last reason in the error. */
import { setTimeout as sleep } from 'node:timers/promises';
import { ClusterError } from '../cluster-source.ts';

/** Calls `check` until it resolves without throwing; its last error says why the limit was reached. */
export async function waitUntil<T>(
  what: string,
  limitSeconds: number,
  check: () => Promise<T>,
  pauseMs = 100,
): Promise<T> {
  const end = performance.now() + limitSeconds * 1000;
  for (;;) {
    try {
      return await check();
    } catch (cause) {
      if (performance.now() > end) {
        const reason = cause instanceof Error ? cause.message : String(cause);
        throw new ClusterError(`${what} did not come within ${limitSeconds} s: ${reason}`, { cause });
      }
    }
    await sleep(pauseMs);
  }
}
