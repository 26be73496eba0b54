import { z } from 'zod';

const secondsPerUnit: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400 };

const secondsPerWeek = 7 * 86_400;
/** The longest lifetime that credentials may have, in seconds: ten years. */
export const longestLifetime = 3650 * 86_400;

/**
 * Seconds of a duration such as `30s`, `10m`, `1h` or `7d`; undefined for anything else. At least a second.
 * @param longest in seconds; a week unless given
 */
export function parseDuration(text: string, longest = secondsPerWeek): number | undefined {
  const [, amount, unit] = /^([1-9]\d{0,5})([smhd])$/.exec(text) ?? [];
  if (amount === undefined || unit === undefined) return undefined;
  const seconds = Number(amount) * (secondsPerUnit[unit] ?? 0);
  return seconds <= longest ? seconds : undefined;
}

/** A duration in a catalog file. */
export const duration = z
  .string()
  .refine((text) => parseDuration(text) !== undefined, 'must be a duration such as 30s, 10m or 1h');
