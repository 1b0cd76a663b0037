import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** The version before the newest migration. */
export interface EarlierBuild {
  /** The commit that it was built from. */
  readonly commit: string;
  /** The directory that holds its `main.js` and `cli.js`. */
  readonly dist: string;
}

/** What it is built from. */
const SOURCES = ['src', 'migrations', 'package.json', '.swcrc'];

/**
 * Builds the version before the newest migration from the history of git, with the packages of
 * today. Types are not checked: they were, when it was today's version.
 *
 * @returns undefined where the history does not reach back so far, as in a shallow clone
 */
export function buildEarlier(directory: string): EarlierBuild | undefined {
  const commit = commitBeforeNewestMigration();
  if (commit === undefined) return undefined;
  const root = join(directory, 'earlier');
  mkdirSync(root);
  const archive = join(directory, 'earlier.tar');
  writeFileSync(archive, git('archive', commit, ...SOURCES).stdout);
  run('tar', ['-x', '-f', archive, '-C', root], directory);
  symlinkSync(resolve('node_modules'), join(root, 'node_modules'));
  for (const [from, to] of [
    ['src', 'dist'],
    ['migrations', 'dist/migrations'],
  ] as const) {
    const swc = resolve('node_modules/@swc/cli/bin/swc.js');
    const options = [
      '--strip-leading-paths',
      '--config-file',
      '.swcrc',
      '--ignore',
      '**/assets/**',
    ];
    run(process.execPath, [swc, from, '-d', to, ...options], root);
  }
  cpSync(join(root, 'src/console/assets'), join(root, 'dist/console/assets'), { recursive: true });
  return { commit: commit.slice(0, 7), dist: join(root, 'dist') };
}

function commitBeforeNewestMigration(): string | undefined {
  const newest = readdirSync('migrations')
    .filter((name) => /^\d/.test(name))
    .sort()
    .at(-1);
  const path = `migrations/${newest ?? ''}`;
  const added = said('log', '-1', '--diff-filter=A', '--format=%H', '--', path);
  // A migration that was not committed yet: what was committed last is the version before it.
  if (added === '') return said('rev-parse', '--verify', '--quiet', 'HEAD');
  const before = added && said('rev-parse', '--verify', '--quiet', `${added}^`);
  return before === '' ? undefined : before;
}

/** What git prints; undefined where it refuses, or is not there. */
function said(...args: string[]): string | undefined {
  const ran = git(...args);
  return ran.status === 0 ? ran.stdout.toString().trim() : undefined;
}

function git(...args: string[]) {
  // CI runs as root in a directory of another user, which git would refuse.
  const options = { maxBuffer: 64 * 1024 * 1024 };
  return spawnSync('git', ['-c', `safe.directory=${process.cwd()}`, ...args], options);
}

function run(program: string, args: readonly string[], cwd: string): void {
  const ran = spawnSync(program, args, { cwd, encoding: 'utf8' });
  if (ran.status !== 0) throw new Error(`${program} failed: ${ran.stderr || String(ran.error)}`);
}
