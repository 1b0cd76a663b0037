import { readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { TestDatabase } from './database.js';
import { bytesAsText } from './needles.js';
import type { Haystack } from './needles.js';

/** Every column of every table as text, one haystack each; bytes in every way to read them. */
export async function dumpDatabase(database: TestDatabase): Promise<Haystack[]> {
  const columns = await database.query<{ table_name: string; column_name: string }>(
    `SELECT table_name, column_name FROM information_schema.columns
     WHERE table_schema NOT IN ('pg_catalog', 'information_schema') ORDER BY 1, 2`,
  );
  return Promise.all(
    columns.map(async ({ table_name, column_name }) => {
      const rows = await database.query<{ value: unknown }>(
        `SELECT "${column_name}" AS value FROM "${table_name}"`,
      );
      const text = rows.map(({ value }) => asText(value)).join('\n');
      return { name: `${table_name}.${column_name}`, text };
    }),
  );
}

function asText(value: unknown): string {
  if (Buffer.isBuffer(value)) return bytesAsText(value);
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** Every file of a directory and of those below it, as text in every way to read it. */
export function dumpDirectory(directory: string): Haystack[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((name) => statSync(join(directory, name)).isFile())
    .map((name) => {
      const text = bytesAsText(readFileSync(join(directory, name)));
      return { name, text: `${name}\n${text}` };
    });
}
