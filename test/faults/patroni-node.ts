import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { chownSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../support/vault.js';
import { startTcpProxy } from '../support/tcp-proxy.js';
import type { TcpProxy } from '../support/tcp-proxy.js';
import { NOBODY, adopt, signal } from './children.js';
import { ServerAddress } from './server-address.js';

/** What the nodes of one cluster share. */
export interface ClusterOptions {
  /** Where their files go. */
  readonly directory: string;
  /** PostgreSQL's programs. */
  readonly binaries: string;
  readonly etcd: string;
  readonly synchronous: boolean;
}

/** Patroni's own limits for a quick takeover; seconds. A leader that is silent for `ttl` is replaced. */
const TIMES = { ttl: 20, loop_wait: 2, retry_timeout: 3 };

/** A Patroni and the PostgreSQL that it runs, with a way to etcd of its own, which can be cut. */
export class PatroniNode extends ServerAddress {
  private patroni: ChildProcess | undefined;

  private constructor(
    readonly name: string,
    port: number,
    readonly restPort: number,
    private readonly directory: string,
    private readonly etcd: TcpProxy,
  ) {
    super(port);
  }

  static async create(name: string, options: ClusterOptions): Promise<PatroniNode> {
    const directory = join(options.directory, name);
    mkdirSync(directory, { mode: 0o755 });
    if (NOBODY.uid !== undefined) chownSync(directory, NOBODY.uid, NOBODY.gid);
    const etcd = await startTcpProxy(options.etcd);
    const node = new PatroniNode(name, await freePort(), await freePort(), directory, etcd);
    writeFileSync(node.configFile, JSON.stringify(node.config(options)));
    return node;
  }

  start(): void {
    const log = openSync(join(this.directory, 'patroni.log'), 'a');
    this.patroni = adopt(
      spawn('patroni', [this.configFile], {
        ...NOBODY,
        cwd: this.directory,
        stdio: ['ignore', log, log],
        env: { PATH: `${process.env.PATH ?? ''}:/usr/bin`, HOME: this.directory },
      }),
    );
  }

  /** Whether Patroni says that this is the primary. */
  get leads(): Promise<boolean> {
    return this.asks('/primary');
  }

  /** Whether Patroni says that this is a standby; in a synchronous cluster: the synchronous one. */
  follows(synchronous: boolean): Promise<boolean> {
    return this.asks(synchronous ? '/synchronous' : '/replica');
  }

  /** Asks for a planned switchover. @throws when Patroni refuses it */
  async handOver(to: PatroniNode): Promise<void> {
    const answer = await fetch(`http://127.0.0.1:${this.restPort}/switchover`, {
      method: 'POST',
      body: JSON.stringify({ leader: this.name, candidate: to.name }),
    });
    if (!answer.ok) throw new Error(`switchover: ${answer.status} ${await answer.text()}`);
  }

  cutFromEtcd(): void {
    this.etcd.cut();
  }

  reachEtcd(): void {
    this.etcd.restore();
  }

  /** Stops the processes that send to standbys: connections stay open and nothing comes. */
  async freezeReplication(): Promise<void> {
    const senders = await this.processes('walsender');
    if (senders.length === 0) throw new Error(`${this.name} has no standby`);
    for (const pid of senders) signal(pid, 'SIGSTOP');
  }

  /** Kills every process, as a machine that is gone does. */
  async kill(): Promise<void> {
    const own = await this.processes().catch(() => []);
    const postmaster = this.postmaster();
    await this.end('SIGKILL');
    for (const pid of [postmaster, ...own]) if (pid > 1) signal(pid, 'SIGKILL');
  }

  /** Ends all of it; the data is not needed any more. */
  async close(): Promise<void> {
    const postmaster = this.postmaster();
    await this.end('SIGKILL');
    if (postmaster > 1) signal(postmaster, 'SIGQUIT');
    await this.etcd.close();
  }

  private async end(by: NodeJS.Signals): Promise<void> {
    const { patroni } = this;
    this.patroni = undefined;
    if (patroni?.exitCode !== null || patroni.signalCode !== null) return;
    const ended = new Promise((done) => patroni.once('exit', done));
    patroni.kill(by);
    await ended;
  }

  /** The process that PostgreSQL's others descend from; 0 when there is none. */
  private postmaster(): number {
    try {
      const text = readFileSync(join(this.directory, 'data', 'postmaster.pid'), 'utf8');
      return Number(text.split('\n')[0]);
    } catch {
      return 0;
    }
  }

  private async asks(path: string): Promise<boolean> {
    try {
      return (await fetch(`http://127.0.0.1:${this.restPort}${path}`)).ok;
    } catch {
      return false;
    }
  }

  private get configFile(): string {
    return join(this.directory, 'patroni.yml');
  }

  /** JSON is YAML. */
  private config({ binaries, synchronous }: ClusterOptions) {
    const { name, port, restPort, directory } = this;
    const anyone = (database: string) => `host ${database} all 127.0.0.1/32 trust`;
    const etcd = new URL(this.etcd.url);
    return {
      scope: 'vault',
      name,
      restapi: { listen: `127.0.0.1:${restPort}`, connect_address: `127.0.0.1:${restPort}` },
      // Not by the addresses that etcd itself names: these lead past the way that can be cut.
      etcd3: { hosts: [etcd.host], use_proxies: true },
      bootstrap: {
        dcs: {
          ...TIMES,
          synchronous_mode: synchronous,
          // A standby that lacks more than this, in bytes, is not promoted: here it always is.
          maximum_lag_on_failover: 1_073_741_824,
          postgresql: {
            use_pg_rewind: true,
            parameters: { max_connections: 150, fsync: 'off', wal_log_hints: 'on' },
          },
        },
        initdb: [{ encoding: 'UTF8' }, { locale: 'C' }, 'data-checksums'],
      },
      postgresql: {
        listen: `127.0.0.1:${port}`,
        connect_address: `127.0.0.1:${port}`,
        data_dir: join(directory, 'data'),
        bin_dir: binaries,
        pgpass: join(directory, 'pgpass'),
        pg_hba: [anyone('all'), anyone('replication')],
        authentication: {
          superuser: { username: 'postgres', password: 'postgres' },
          replication: { username: 'replicator', password: 'replicator' },
        },
        parameters: { unix_socket_directories: '' },
      },
    };
  }
}
