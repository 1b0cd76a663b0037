import { cpSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
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
  const manifest = { type: 'module', imports: { '#migrations': './dist/migrations/index.js' } };
  writeFileSync(join(root, 'package.json'), JSON.stringify(manifest));
  return join(root, 'dist');
}
