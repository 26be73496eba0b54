/** Progress that stays alive on a terminal and in a CI log alike. */
import type { Progress } from '../cluster-source.ts';

/** A duration as people say it: `4.2 s`, `3 min 05 s`. */
export function elapsed(since: number): string {
  const seconds = (performance.now() - since) / 1000;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, '0')} s`;
}

/** Runs a long piece of work, says when it starts and ends, and that it still goes on every 15 seconds. */
export async function withHeartbeat<T>(
  progress: Progress,
  what: string,
  work: () => Promise<T>,
  detail: () => string = () => '',
): Promise<T> {
  const start = performance.now();
  progress(`${what} ...`);
  const timer = setInterval(
    () => progress(`${what}: still at it after ${elapsed(start)}${detail()}`),
    15_000,
  );
  try {
    const result = await work();
    progress(`${what}: done in ${elapsed(start)}`);
    return result;
  } finally {
    clearInterval(timer);
  }
}
