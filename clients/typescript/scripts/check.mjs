/** Packs the package and has publint and arethetypeswrong look at exactly what would be published. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const directory = mkdtempSync(join(tmpdir(), 'client-check-'));

function run(command, ...args) {
  const { status } = spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2] });
  if (status !== 0) throw new Error(`${command} found something, see above`);
}

try {
  run('npm', 'pack', '--silent', '--pack-destination', directory);
  const tarball = join(directory, readdirSync(directory)[0]);
  run('npx', '--no-install', 'publint', 'run', tarball, '--strict');
  run('npx', '--no-install', 'attw', tarball, '--format', 'ascii');
} finally {
  rmSync(directory, { recursive: true, force: true });
}
