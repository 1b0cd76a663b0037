import { cpSync, mkdirSync, symlinkSync } from 'node:fs';
import { join, resolve } from 'node:path';

/**
 * Copies `dist/` to where nobody else works: a run of twenty minutes restarts the vault a hundred
 * times, and all of them must be the same build.
 *
 * @returns the directory that holds `main.js` and `cli.js`
 */
export function copyBuild(directory: string): string {
  const root = join(directory, 'build');
  mkdirSync(root);
  cpSync('dist', join(root, 'dist'), { recursive: true });
  symlinkSync(resolve('node_modules'), join(root, 'node_modules'));
  cpSync('package.json', join(root, 'package.json'));
  return join(root, 'dist');
}
