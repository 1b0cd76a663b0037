import type { ConnectionOptions } from 'node:tls';
import pg from 'pg';
import type { ConnectionConfig, DatabaseTls } from '../config/index.js';

/** Milliseconds for one server to say whether it can be worked with: less than to connect. */
const TRIAL_MS = 1200;

/** One server, and how to speak to it. */
export interface Way {
  readonly host: string;
  readonly port: number;
  readonly ssl: false | ConnectionOptions;
}

/**
 * Finds the server to work with where the URL leaves a choice: several hosts, or an `sslmode` that
 * allows both TLS and none. What was found holds until a connection to it fails. The servers are
 * tried at the same time and believed in their order: one that does not answer must not use up
 * the time of the next one.
 */
export class DatabaseServers {
  private readonly ways: readonly (readonly Way[])[];
  private chosen: Way | undefined;
  private search: Promise<Way> | undefined;

  /** Whether a server that refuses writes is not to be worked with. */
  readonly needsWrites: boolean;

  constructor(private readonly config: ConnectionConfig) {
    this.needsWrites = config.needsWrites;
    this.ways = config.servers.map((server) =>
      // Sockets of this machine know no TLS.
      (server.host.startsWith('/') ? ([false] as const) : tlsOptions(config.tls)).map((ssl) => ({
        ...server,
        ssl,
      })),
    );
    const [only, ...others] = this.ways.flat();
    if (others.length === 0) this.chosen = only;
  }

  /** The way that is known, if any. */
  get known(): Way | undefined {
    return this.chosen;
  }

  /** @throws when no server can be worked with: what the first one said */
  async find(): Promise<Way> {
    if (this.chosen) return this.chosen;
    this.search ??= this.tryAll().finally(() => (this.search = undefined));
    this.chosen = await this.search;
    return this.chosen;
  }

  /** Has the next connection look again, unless there is one way only. */
  forget(way: Way): void {
    if (this.chosen === way && this.ways.flat().length > 1) this.chosen = undefined;
  }

  private async tryAll(): Promise<Way> {
    const trials = this.ways.map((ways) => this.tryServer(ways));
    for (const trial of trials) trial.catch(() => undefined);
    let failure: unknown;
    for (const trial of trials) {
      try {
        return await trial;
      } catch (error) {
        failure ??= error;
      }
    }
    throw failure;
  }

  /** @returns the first way to this server that leads to a session */
  private async tryServer(ways: readonly Way[]): Promise<Way> {
    const until = performance.now() + TRIAL_MS;
    let failure: unknown;
    for (const way of ways) {
      const left = until - performance.now();
      if (left <= 0) break;
      try {
        await this.tryWay(way, left);
        return way;
      } catch (error) {
        // The first way is the one that was meant.
        failure ??= error;
      }
    }
    throw failure;
  }

  private async tryWay(way: Way, limitMs: number): Promise<void> {
    const { user, password, database, options } = this.config;
    const client = new pg.Client({
      ...{ user, password, database, options },
      ...way,
      application_name: 'stitch-token-vault-find',
      connectionTimeoutMillis: limitMs,
      query_timeout: limitMs,
    });
    client.on('error', () => undefined);
    try {
      await client.connect();
      if (!this.needsWrites) return;
      const { rows } = await client.query<{ transaction_read_only: string }>(
        'SHOW transaction_read_only',
      );
      if (rows[0]?.transaction_read_only !== 'off') throw new ReadOnlyServerError();
    } finally {
      void client.end().catch(() => undefined);
    }
  }
}

/** A server answered that takes no writes, and the vault was told to look for one that does. */
export class ReadOnlyServerError extends Error {
  constructor() {
    super('no server of DATABASE_URL takes writes (target_session_attrs)');
    this.name = 'ReadOnlyServerError';
  }
}

/** What is tried under a mode, in order: TLS with these options, or none. */
function tlsOptions({ mode, ca, cert, key }: DatabaseTls): (false | ConnectionOptions)[] {
  const own = { ...(cert !== undefined && { cert }), ...(key !== undefined && { key }) };
  const verified = { ...own, ...(ca !== undefined && { ca }) };
  const encrypted = { ...own, rejectUnauthorized: false };
  switch (mode) {
    case 'disable':
      return [false];
    case 'allow':
      return [false, encrypted];
    case 'prefer':
      return [encrypted, false];
    case 'require':
      return [encrypted];
    case 'verify-ca':
      return [{ ...verified, checkServerIdentity: () => undefined }];
    case 'verify-full':
      return [verified];
  }
}
