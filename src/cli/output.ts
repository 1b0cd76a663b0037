/** A value that can be printed as one JSON document. */
export type Json =
  string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** Prints a result: as one JSON document with `--json`, otherwise as lines for a person. */
export function print(json: boolean | undefined, value: Json, lines: readonly string[]): void {
  const text = json ? JSON.stringify(value) : lines.join('\n');
  if (text) process.stdout.write(`${text}\n`);
}
