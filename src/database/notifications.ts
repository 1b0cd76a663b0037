import { randomBytes } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { Inject, Injectable } from '@nestjs/common';
import pg from 'pg';
import { VAULT_CONFIG } from '../config/index.js';
import type { VaultConfig } from '../config/index.js';
import { CONNECT_TIMEOUT, STATEMENT_TIMEOUT } from './data-source.js';

/** A notification: its kind and the names of the row it is about. */
export type NotificationHandler = (names: string[]) => void;

/** Milliseconds without one's own pulse after which a subscription is not believed any more. */
const SILENCE = 3000;

/**
 * The one connection with session state: LISTEN. It is believed only while the process hears its
 * own pulse through it, because a transaction-mode pooler accepts LISTEN and then never delivers,
 * and because a dead peer can look like a quiet one.
 */
@Injectable()
export class Notifications {
  /** The channel on which this process hears its own pulse. */
  readonly heartbeatChannel = `stitch_vault_${randomBytes(8).toString('hex')}`;
  private readonly handlers = new Map<string, NotificationHandler>();
  private client: pg.Client | undefined;
  private heardAt = -Infinity;
  private subscribedAt = Infinity;

  constructor(@Inject(VAULT_CONFIG) private readonly config: VaultConfig) {}

  /** Whether every change since {@link since} has reached, or is about to reach, this process. */
  get healthy(): boolean {
    return this.client !== undefined && performance.now() - this.heardAt < SILENCE;
  }

  /** Monotonic milliseconds since when nothing was missed; what is older must be checked again. */
  get since(): number {
    return this.subscribedAt;
  }

  on(kind: string, handler: NotificationHandler): void {
    this.handlers.set(kind, handler);
  }

  /** Makes sure that there is a live subscription; call it with every pulse. */
  async ensure(): Promise<void> {
    const lastSign = Math.max(this.heardAt, this.subscribedAt);
    if (this.client && performance.now() - lastSign < SILENCE) return;
    this.drop();
    const client = new pg.Client({
      connectionString: this.config.database.url,
      application_name: 'stitch-token-vault-listen',
      connectionTimeoutMillis: CONNECT_TIMEOUT,
      query_timeout: STATEMENT_TIMEOUT,
      keepAlive: true,
    });
    const gone = () => {
      if (this.client === client) this.drop();
    };
    client.on('error', gone);
    client.on('end', gone);
    client.on('notification', ({ channel, payload }) => {
      this.receive(channel, payload ?? '');
    });
    try {
      await client.connect();
      await client.query(`LISTEN stitch_vault; LISTEN ${this.heartbeatChannel}`);
    } catch {
      // The next pulse tries again; until then the subscription counts as down.
      void client.end().catch(() => undefined);
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
    this.handlers.get(kind ?? '')?.(rest);
  }
}

function parse(payload: string): unknown {
  try {
    return JSON.parse(payload) as unknown;
  } catch {
    // Anyone who may connect may notify; what is not ours is no error of ours.
    return undefined;
  }
}
