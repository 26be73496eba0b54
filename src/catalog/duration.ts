const secondsPerUnit: Record<string, number> = { s: 1, m: 60, h: 3600 };

/** Seconds of a duration such as `30s`, `10m` or `1h`; undefined for anything else. At least a second, at most a week. */
export function parseDuration(text: string): number | undefined {
  const [, amount, unit] = /^([1-9]\d{0,5})([smh])$/.exec(text) ?? [];
  if (amount === undefined || unit === undefined) return undefined;
  const seconds = Number(amount) * (secondsPerUnit[unit] ?? 0);
  return seconds <= 7 * 24 * 3600 ? seconds : undefined;
}
