import { existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Makes a directory, and those above it that are missing. Not by `mkdirSync` with `recursive`: that one never
 * comes back from a file system in which nothing can be made and which says ENOENT for it, such as `/proc`.
 *
 * @throws what the file system says
 */
export function makeDirectory(path: string, mode: number): void {
  try {
    mkdirSync(path, { mode });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' && statSync(path).isDirectory()) return;
    const above = dirname(path);
    if (code !== 'ENOENT' || existsSync(above)) throw error;
    makeDirectory(above, mode);
    // Another process may have made it meanwhile.
    makeDirectory(path, mode);
  }
}
