/** Prints a table with a row for each name, and what the cells came to. */
export function printMatrix(
  columns: readonly string[],
  rows: readonly string[],
  cellOf: (row: string, column: string) => string,
): void {
  const lines = [
    ['', ...columns],
    ...rows.map((row) => [row, ...columns.map((column) => cellOf(row, column))]),
  ];
  const widths = ['', ...columns].map((_column, index) =>
    Math.max(...lines.map((line) => line[index]?.length ?? 0)),
  );
  const text = lines.map((line) => line.map((cell, index) => cell.padEnd(widths[index] ?? 0)).join('  '));
  console.log(`\n${text.map((line) => line.trimEnd()).join('\n')}\n`);
}
