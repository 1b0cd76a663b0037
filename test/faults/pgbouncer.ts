import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { chownSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { eventually } from '../support/wait.js';
import { freePort } from '../support/vault.js';
import { NOBODY, adopt } from './children.js';

/** Debian puts it where an ordinary user's PATH does not lead. */
const PATH = `${process.env.PATH ?? ''}:/usr/sbin`;

export const pgBouncerInstalled = (): boolean =>
  spawnSync('pgbouncer', ['--version'], { env: { ...process.env, PATH } }).status === 0;

/** PgBouncer in transaction mode, in every other respect as it comes. */
export class PgBouncer {
  private constructor(
    private readonly child: ChildProcess,
    readonly port: number,
  ) {}

  static async start(directory: string, postgresPort: number): Promise<PgBouncer> {
    const place = join(directory, 'pgbouncer');
    mkdirSync(place, { recursive: true });
    if (NOBODY.uid !== undefined) chownSync(place, NOBODY.uid, NOBODY.gid);
    const port = await freePort();
    const file = join(place, 'pgbouncer.ini');
    writeFileSync(
      file,
      [
        '[databases]',
        `* = host=127.0.0.1 port=${postgresPort} user=postgres`,
        '[pgbouncer]',
        'listen_addr = 127.0.0.1',
        `listen_port = ${port}`,
        'unix_socket_dir =',
        'auth_type = any',
        'pool_mode = transaction',
        '',
      ].join('\n'),
    );
    const child = adopt(
      spawn('pgbouncer', ['-q', file], {
        ...NOBODY,
        cwd: place,
        env: { ...process.env, PATH },
        stdio: 'ignore',
      }),
    );
    const bouncer = new PgBouncer(child, port);
    await eventually('PgBouncer listens', async () => {
      if (child.exitCode !== null) throw new Error('PgBouncer ended at once');
      const client = new pg.Client({ connectionString: bouncer.url('postgres') });
      client.on('error', () => undefined);
      return client.connect().then(
        () => client.end().then(() => true),
        () => false,
      );
    });
    return bouncer;
  }

  url(database: string): string {
    return `postgres://postgres@127.0.0.1:${this.port}/${database}`;
  }

  /** Stops it in its tracks: connections stay open and nobody answers. */
  freeze(): void {
    this.child.kill('SIGSTOP');
  }

  thaw(): void {
    this.child.kill('SIGCONT');
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null) return;
    const ended = new Promise((done) => this.child.once('exit', done));
    this.child.kill('SIGKILL');
    await ended;
  }
}
