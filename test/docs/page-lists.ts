import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** The text of a page, by its path from the root. */
export const pageOf = (path: string): string => readFileSync(path, 'utf8');

/** Everything between single backquotes on a page. */
export const quotedOn = (path: string): string[] =>
  [
    ...pageOf(path)
      .replaceAll(/^```.*?^```/gms, '')
      .matchAll(/`([^`\n]+)`/g),
  ].map(([, text = '']) => text);

/** Paths of files below directories, from the root. */
export const filesBelow = (...directories: string[]): string[] =>
  directories.flatMap((directory) =>
    readdirSync(directory, { recursive: true, encoding: 'utf8' }).map((path) =>
      join(directory, path),
    ),
  );
