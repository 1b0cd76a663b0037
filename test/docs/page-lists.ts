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

/** What a page shows of command lines: between single backquotes, and in blocks for a shell. */
export const shellOn = (path: string): string[] => [
  ...quotedOn(path),
  ...[...pageOf(path).matchAll(/^```(?:sh|bash)?\b[^\n]*\n([^]*?)^```/gm)].flatMap(
    ([, block = '']) => block.replaceAll('\\\n', ' ').split('\n'),
  ),
];

/** Paths of files below directories, from the root. */
export const filesBelow = (...directories: string[]): string[] =>
  directories.flatMap((directory) =>
    readdirSync(directory, { recursive: true, encoding: 'utf8' }).map((path) =>
      join(directory, path),
    ),
  );
