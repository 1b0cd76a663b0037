import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import { Inject, Injectable } from '@nestjs/common';
import pg from 'pg';
import { Log } from '../common/index.js';
import { databaseConfig } from '../config/index.js';
import type { ConfigType } from '../config/index.js';
import { Metrics } from '../metrics/index.js';
import { endStatement, isDeadlinePassed } from './cancel-request.js';
import { CONNECT_TIMEOUT_MS, STATEMENT_TIMEOUT_MS } from './data-source.js';
import { HeardClient, clientConfig } from './heard-client.js';

/** A notification: its kind and the names of the row it is about. */
export type NotificationHandler = (names: string[]) => void;

/** Milliseconds without one's own pulse after which a subscription is not believed any more. */
const SILENCE_MS = 3000;
/** Notifications taken one by one within {@link FLOOD_MS}; what is more is looked up, not listened to. */
const FLOOD = 5000;
const FLOOD_MS = 1000;
/** Milliseconds between two lines about floods in the log. */
const REPEAT_LOG_MS = 60_000;

/**
 * The one connection with session state: LISTEN. It is believed only while the process hears its
 * own pulse through it, because a transaction-mode pooler accepts LISTEN and then never delivers,
 * and because a dead peer can look like a quiet one.
 *
 * Changes are told on a channel whose name stands in a table, so that nobody can keep replicas busy
 * who may log in to the database and no more. Should there be too many all the same, the connection
 * is cut and what it would still bring with it: everything read before counts as old then.
 */
@Injectable()
export class Notifications {
  /** The channel on which this process hears its own pulse. */
  readonly heartbeatChannel = `stitch_vault_${randomBytes(8).toString('hex')}`;
  private readonly handlers = new Map<string, NotificationHandler[]>();
  private client: pg.Client | undefined;
  private heardAt = -Infinity;
  private subscribedAt = Infinity;
  /** Notifications since {@link countedFrom}. */
  private count = 0;
  private countedFrom = -Infinity;
  private floodLoggedAt = -Infinity;

  constructor(
    @Inject(databaseConfig.KEY) private readonly config: ConfigType<typeof databaseConfig>,
    private readonly metrics: Metrics,
    private readonly log: Log,
  ) {}

  /** Whether every change since {@link since} has reached, or is about to reach, this process. */
  get healthy(): boolean {
    return this.client !== undefined && performance.now() - this.heardAt < SILENCE_MS;
  }

  /** Monotonic milliseconds since when nothing was missed; what is older must be checked again. */
  get since(): number {
    return this.subscribedAt;
  }

  on(kind: string, handler: NotificationHandler): void {
    this.handlers.set(kind, [...(this.handlers.get(kind) ?? []), handler]);
  }

  /** Makes sure that there is a live subscription; call it with every pulse. */
  async ensure(): Promise<void> {
    const lastSign = Math.max(this.heardAt, this.subscribedAt);
    if (this.client && performance.now() - lastSign < SILENCE_MS) return;
    this.drop();
    const client = new HeardClient({
      ...clientConfig(this.config),
      application_name: 'stitch-token-vault-listen',
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      query_timeout: STATEMENT_TIMEOUT_MS,
      keepAlive: true,
    });
    const gone = () => {
      if (this.client === client) this.drop();
    };
    client.on('error', gone);
    client.on('end', gone);
    client.on('notification', ({ channel, payload }) => {
      if (this.flooded()) this.cut(client);
      else this.receive(channel, payload ?? '');
    });
    try {
      await client.connect();
      await client.query(`LISTEN ${await channelOf(client)}; LISTEN ${this.heartbeatChannel}`);
    } catch (error) {
      // The next pulse tries again; until then the subscription counts as down.
      if (isDeadlinePassed(error)) await endStatement(client);
      await client.end().catch(() => undefined);
      return;
    }
    // Believed only once the first pulse has come round.
    this.client = client;
    this.subscribedAt = performance.now();
  }

  async close(): Promise<void> {
    const { client } = this;
    this.client = undefined;
    await client?.end().catch(() => undefined);
  }

  /** Whether more arrives than can be listened to. */
  private flooded(): boolean {
    const now = performance.now();
    if (now - this.countedFrom > FLOOD_MS) {
      this.countedFrom = now;
      this.count = 0;
    }
    this.count += 1;
    return this.count > FLOOD;
  }

  /** Leaves what is still to come unread; the next heartbeat subscribes anew. */
  private cut(client: pg.Client): void {
    client.removeAllListeners('notification');
    socketOf(client).destroy();
    if (this.client === client) this.drop();
    this.metrics.notificationFloods.inc();
    if (performance.now() - this.floodLoggedAt < REPEAT_LOG_MS) return;
    this.floodLoggedAt = performance.now();
    this.log.event('warn', 'database.notifications_flooded', { per_second: FLOOD });
  }

  private drop(): void {
    void this.close();
    this.subscribedAt = Infinity;
    this.heardAt = -Infinity;
  }

  private receive(channel: string, payload: string): void {
    if (channel === this.heartbeatChannel) {
      this.heardAt = performance.now();
      return;
    }
    const names: unknown = parse(payload);
    if (!Array.isArray(names)) return;
    const [kind, ...rest] = names.map(String);
    for (const handler of this.handlers.get(kind ?? '') ?? []) handler(rest);
  }
}

/** The channel on which this database tells of changes. @throws Error when it is not migrated */
async function channelOf(client: pg.Client): Promise<string> {
  const { rows } = await client.query<{ name: string }>('SELECT name FROM stitch_channel');
  const name = rows[0]?.name ?? '';
  if (!/^[a-z0-9_]{1,63}$/.test(name)) throw new Error('stitch_channel names no channel');
  return name;
}

/** The driver has no other way to stop at once: `end` reads on until the server hangs up. */
const socketOf = (client: pg.Client): Socket =>
  (client as unknown as { readonly connection: { readonly stream: Socket } }).connection.stream;

function parse(payload: string): unknown {
  try {
    return JSON.parse(payload) as unknown;
  } catch {
    // What is not ours is no error of ours.
    return undefined;
  }
}
