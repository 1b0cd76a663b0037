/**
 * Builds `dist/` when it is missing or older than the sources, so that every npm script works
 * straight after `npm ci`. Prints to stderr only: stdout belongs to the command that follows.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

// Before anything that an older Node.js fails in, with an error that says nothing.
const { engines } = JSON.parse(readFileSync('package.json', 'utf8'));
const [oldest] = /[\d.]+/.exec(engines.node);
const [major, minor] = oldest.split('.').map(Number);
const [thisMajor, thisMinor] = process.versions.node.split('.').map(Number);
if (thisMajor < major || (thisMajor === major && thisMinor < minor)) {
  process.stderr.write(
    `Node.js ${oldest} or later is needed, and this is ${process.versions.node}.\n`,
  );
  process.exit(1);
}

const newest = (path) =>
  statSync(path).isDirectory()
    ? Math.max(0, ...readdirSync(path).map((name) => newest(join(path, name))))
    : statSync(path).mtimeMs;

const built = [
  'dist/main.js',
  'dist/cli.js',
  'dist/migrations/index.js',
  'dist/migrations/vault-role.sql',
  'dist/console/assets/app.js',
];
const sources = [
  'src',
  'migrations',
  'deploy/postgres/vault-role.sql',
  'package.json',
  'tsconfig.json',
  'nest-cli.json',
  '.swcrc',
];

const fresh =
  built.every((file) => existsSync(file)) &&
  Math.min(...built.map((file) => statSync(file).mtimeMs)) >= Math.max(...sources.map(newest));

if (!fresh) {
  process.stderr.write('Building dist/ …\n');
  const { status } = spawnSync('npm', ['run', '--silent', 'build'], { stdio: ['ignore', 2, 2] });
  if (status !== 0) process.exit(status ?? 1);
}
