/** How measurements are printed. */

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? Number.NaN;
}

export const worst = (values: readonly number[]): number => Math.max(...values);

/** `0.5 s (worst 2.1 s of 12)`, or `none`. */
export function spread(seconds: readonly number[]): string {
  if (seconds.length === 0) return 'none';
  return `${median(seconds).toFixed(1)} s (worst ${worst(seconds).toFixed(1)} s of ${seconds.length})`;
}

/** Lines of a table with columns as wide as they must be. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows)
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, cell.length);
  return rows
    .map((row) => `  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}`.trimEnd())
    .join('\n');
}

/** Runs `work` for 0 to count - 1, at most `width` at the same time. */
export async function inParallel(
  count: number,
  width: number,
  work: (index: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) {
      const index = next;
      next += 1;
      await work(index);
    }
  };
  await Promise.all(Array.from({ length: Math.min(width, count) }, worker));
}
