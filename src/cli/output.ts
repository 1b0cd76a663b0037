/** Prints a result: as one JSON document with `--json`, otherwise as lines for a person. */
export function print(json: boolean | undefined, value: object, lines: readonly string[]): void {
  const text = json ? JSON.stringify(value) : lines.join('\n');
  if (text) process.stdout.write(`${text}\n`);
}

/**
 * Rows under a header, each column as wide as its longest cell; no lines where there are no rows.
 *
 * @param header the columns' names
 */
export function table(
  header: readonly string[],
  rows: readonly (readonly (string | number | null | undefined)[])[],
): string[] {
  if (rows.length === 0) return [];
  const texts = rows.map((row) => row.map((cell) => String(cell ?? '-')));
  const all = [header.map((name) => name.toUpperCase()), ...texts];
  const widths = header.map((_, column) =>
    Math.max(...all.map((row) => (row[column] ?? '').length)),
  );
  return all.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}
