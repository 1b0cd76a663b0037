import { join } from 'node:path';
import { mkdirSync } from 'node:fs';
import { startStitchMoney } from '../../sandbox/index.js';
import type { StitchMoneySandbox, StitchMoneySwitches } from '../../sandbox/index.js';
import { freePort } from '../support/vault.js';
import { eventually } from '../support/wait.js';
import { GrantsTable } from './grants-table.js';
import type { Audited, Seeding } from './grants-table.js';
import { Ledger } from './ledger.js';
import { Readers } from './readers.js';
import { Replica } from './replica.js';
import type { ServerAddress } from './server-address.js';
import type { Site } from './site.js';
import { Wire } from './wire.js';

export interface ArenaOptions {
  /** Names the directory of the logs. */
  readonly name: string;
  readonly replicas: number;
  readonly switches?: Partial<StitchMoneySwitches>;
  readonly environment?: Readonly<Record<string, string>>;
  /** More of the environment, and arguments of node, for the replica of this number. */
  readonly each?: (
    index: number,
    database: string,
  ) => {
    readonly environment?: Readonly<Record<string, string>>;
    readonly node?: readonly string[];
  };
  /** What the suite itself seals and opens with, where that is not the site's keyring. */
  readonly keyring?: string;
  /** Whether browsers reach all of them by the first one's address, as behind a load balancer. */
  readonly oneAddress?: boolean;
  /** Another way to the database than straight to the server. */
  readonly databaseUrl?: (database: string) => string;
}

/** A database, a provider and replicas of the vault, each with its own wire to the provider. */
export class Arena {
  readonly replicas: Replica[] = [];
  readonly wires: Wire[] = [];
  readonly ledger = new Ledger();
  private readonly readers: Readers[] = [];

  private constructor(
    readonly site: Site<ServerAddress>,
    readonly sandbox: StitchMoneySandbox,
    readonly table: GrantsTable,
    /** The name of its database. */
    readonly database: string,
  ) {}

  /** Sets the stage; the replicas are not started yet. */
  static async open(site: Site<ServerAddress>, options: ArenaOptions): Promise<Arena> {
    const database = await site.createDatabase();
    const logs = site.logsOf(options.name);
    const publicPorts = await Promise.all(
      Array.from({ length: options.replicas }, () => freePort()),
    );
    const sandbox = await startStitchMoney({
      recordIssued: false,
      redirectUris: publicPorts.map((port) => `http://127.0.0.1:${port}/callback/stitch-money`),
      // Signing an id_token at every refresh would cost more than all the rest.
      switches: { idTokenOnRefresh: false, ...options.switches },
    });
    const url = (options.databaseUrl ?? ((name) => site.postgres.url(name)))(database);
    const common = {
      NODE_ENV: 'production',
      PATH: process.env.PATH ?? '',
      LOG_LEVEL: 'info',
      PUBLIC_REQUESTS_PER_SECOND: '0',
      DATABASE_URL: url,
      VAULT_KEYRING: site.keyring,
      STITCH_MONEY_ISSUER: sandbox.url,
      STITCH_MONEY_CLIENT_ID: sandbox.clientId,
      STITCH_MONEY_CLIENT_SECRET: sandbox.clientSecret,
      ...options.environment,
    };
    const table = new GrantsTable(site.postgres.url(database), options.keyring ?? site.keyring);
    const arena = new Arena(site, sandbox, table, database);
    for (const [index, publicPort] of publicPorts.entries()) {
      const wire = new Wire(sandbox.url, arena.ledger);
      await wire.open();
      arena.wires.push(wire);
      const name = `replica-${index}`;
      const spool = join(site.directory, database, name);
      mkdirSync(spool, { recursive: true });
      const port = await freePort();
      const more = options.each?.(index, database) ?? {};
      const environment = {
        ...common,
        PORT: String(port),
        PUBLIC_PORT: String(publicPort),
        PUBLIC_URL: `http://127.0.0.1:${options.oneAddress ? publicPorts[0]! : publicPort}`,
        SPOOL_DIR: spool,
        STITCH_MONEY_TOKEN_ENDPOINT: wire.tokenEndpoint,
        ...more.environment,
      };
      const command = [...(more.node ?? []), join(site.dist, 'main.js')];
      const internalUrl = `http://127.0.0.1:${port}`;
      const logFile = join(logs, `${name}.log`);
      arena.replicas.push(new Replica({ name, command, environment, internalUrl, logFile }));
    }
    return arena;
  }

  /** Starts all replicas. @returns once they are ready to serve */
  async start(): Promise<void> {
    await Promise.all(this.replicas.map((replica) => replica.start()));
    await Promise.all(this.replicas.map((_, index) => this.ready(index)));
  }

  async ready(index: number): Promise<void> {
    const url = `${this.replicas[index]!.url}/health/ready`;
    await eventually(`replica ${index} is ready`, () =>
      fetch(url).then(
        ({ ok }) => ok,
        () => false,
      ),
    );
  }

  seed(seeding: Seeding): Promise<void> {
    return this.table.seed(this.sandbox, this.ledger, seeding);
  }

  /** Has a user consent, who comes back to this or another replica. @returns whether it was stored */
  async link(index: number, user: string, back = index): Promise<boolean> {
    const headers = {
      authorization: `Bearer ${this.site.key}`,
      'content-type': 'application/json',
    };
    const begun = await fetch(`${this.replicas[index]!.url}/authorization-requests`, {
      method: 'POST',
      headers,
      body: JSON.stringify({ user_id: user }),
    });
    if (begun.status !== 201) return false;
    const { authorization_url } = (await begun.json()) as { authorization_url: string };
    const callback = new URL(await this.sandbox.consent(authorization_url));
    callback.port = this.replicas[back]!.options.environment.PUBLIC_PORT!;
    const answer = await fetch(callback, { redirect: 'manual' });
    return answer.status === 200;
  }

  /** Readers of these replicas, or of all. */
  openReaders(connections: number, replicas: readonly Replica[] = this.replicas): Readers {
    const { sandbox, ledger } = this;
    const { key } = this.site;
    const readers = new Readers({ replicas, key, sandbox, ledger, connections });
    this.readers.push(readers);
    return readers;
  }

  /** Waits until no rotation is overdue or open by more than so many seconds. */
  settle(seconds: number, limit: number): Promise<unknown> {
    return eventually(
      'all grants are fresh',
      async () => (await this.table.behind(seconds)) === 0,
      limit,
    );
  }

  /** Waits until every rotation that a replica killed by now had begun has ended by another's hand. */
  async recover(limit: number): Promise<void> {
    const now = await this.table.now();
    await eventually('nothing is in doubt', async () => (await this.table.open(now)) === 0, limit);
  }

  /** Ends all replicas in order. */
  async stopReplicas(): Promise<void> {
    await Promise.all(this.replicas.map((replica) => replica.end('SIGTERM')));
  }

  audit(): Promise<Audited[]> {
    return this.table.audit(this.sandbox);
  }

  /** Refresh calls that the replicas have made, whatever became of them. */
  get calls(): number {
    return this.wires.reduce((sum, wire) => sum + wire.calls, 0);
  }

  /** Refresh calls that the provider or the wire has not answered yet. */
  get inFlight(): number {
    return this.wires.reduce((sum, wire) => sum + wire.inFlight, 0);
  }

  /** Log lines that no fault of the surroundings explains. */
  get faultsReported(): string[] {
    const faults = new Set(['vault.unhandled_rejection', 'http.failed', 'rotation.failed']);
    return this.replicas.flatMap((replica) =>
      replica.lines
        .filter(({ event, level }) => faults.has(event) || (event === 'nest' && level >= 50))
        .map(
          ({ event, error }) => `${replica.name} logged ${event} ${JSON.stringify(error ?? '')}`,
        ),
    );
  }

  async close(): Promise<void> {
    await Promise.all(this.readers.map((readers) => readers.stop()));
    await Promise.all(this.replicas.map((replica) => replica.end('SIGKILL')));
    await this.table.close();
    await Promise.all(this.wires.map((wire) => wire.close()));
    await this.sandbox.close();
  }
}
