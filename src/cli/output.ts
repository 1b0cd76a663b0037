/** Prints a result: as one JSON document with `--json`, otherwise as lines for a person. */
export function print(json: boolean | undefined, value: object, lines: readonly string[]): void {
  const text = json ? JSON.stringify(value) : lines.join('\n');
  if (text) process.stdout.write(`${text}\n`);
}
