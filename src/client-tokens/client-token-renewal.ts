import { Inject, Injectable } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { Log, StorageUnavailableError } from '../common/index.js';
import { refreshConfig } from '../config/index.js';
import type { ConfigType } from '../config/index.js';
import { DatabaseClock, History } from '../database/index.js';
import { ProviderRegistry } from '../providers/index.js';
import { clientTokenText } from './client-token.js';
import type { ClientTokenKey, ClientTokenRow } from './client-token.js';
import { ClientTokenCalls } from './client-token-calls.js';
import type { ClientTokenSource } from './client-token-calls.js';
import { ClientTokenStore } from './client-token.store.js';

/** Milliseconds between two looks at what is due. */
const INTERVAL_MS = 1000;
/** Milliseconds between two clean-ups. */
const FORGET_EVERY_MS = 600_000;
/** Reads remembered between two looks at most. */
const CAPACITY = 10_000;

/**
 * Renews tokens of the client itself before their end: those that were read since they were
 * obtained. A token that nobody reads any more is let go.
 */
@Injectable()
export class ClientTokenRenewal {
  private reads = new Map<string, { readonly key: ClientTokenKey; readonly at: number }>();
  private running: Promise<void> | undefined;
  private started = false;
  private stopping = false;
  private forgotAt = 0;

  constructor(
    @Inject(refreshConfig.KEY) private readonly config: ConfigType<typeof refreshConfig>,
    private readonly providers: ProviderRegistry,
    private readonly store: ClientTokenStore,
    private readonly calls: ClientTokenCalls,
    private readonly history: History,
    private readonly clock: DatabaseClock,
    private readonly log: Log,
  ) {}

  /** Begins to renew: once it is certain that the keyring is the right one. */
  start(): void {
    this.started = true;
  }

  /** A token was read. @param at milliseconds since the epoch */
  note(key: ClientTokenKey, at: number): void {
    if (this.reads.size < CAPACITY) this.reads.set(clientTokenText(key), { key, at });
  }

  @Interval('renew-client-tokens', INTERVAL_MS)
  run(): Promise<void> {
    if (!this.started || this.stopping) return Promise.resolve();
    this.running ??= this.look()
      .catch((error: unknown) => {
        if (error instanceof StorageUnavailableError) return;
        this.log.failure('client_token.renewal_failed', error);
      })
      .finally(() => {
        this.running = undefined;
      });
    return this.running;
  }

  /** Takes no more work; resolves when no provider is asked any more. */
  async drain(): Promise<void> {
    this.stopping = true;
    await this.running;
    await this.calls.settled();
  }

  private async look(): Promise<void> {
    await this.writeReads();
    const sources = this.sources();
    if (sources.size === 0) return;
    const { policy } = this.config;
    const ahead = policy === 'all' || policy === 'active';
    if (ahead && this.history.paused === undefined) {
      const clients = [...sources].map(([provider, { grant }]) => ({
        provider,
        clientId: grant.clientId,
      }));
      const due = await this.store.due(clients);
      await Promise.all(due.map((row) => this.renew(row, sources.get(row.provider))));
    }
    if (this.clock.now() - this.forgotAt < FORGET_EVERY_MS) return;
    this.forgotAt = this.clock.now();
    await this.store.forget();
  }

  private async renew(row: ClientTokenRow, source: ClientTokenSource | undefined): Promise<void> {
    if (!source || this.stopping) return;
    const { breaker, limit } = source.guarded;
    if (breaker.wait > 0 || limit.roomForBacklog < 1) return;
    limit.enter();
    try {
      await this.calls.ask(row, row, source.grant);
    } finally {
      limit.leave();
    }
  }

  private sources(): Map<string, ClientTokenSource> {
    return new Map(
      this.providers.all().flatMap((guarded) => {
        const { name, clientTokens: grant } = guarded.provider;
        return grant ? [[name, { guarded, grant }] as const] : [];
      }),
    );
  }

  /** What could not be written is kept for the next time. */
  private async writeReads(): Promise<void> {
    const taken = this.reads;
    if (taken.size === 0) return;
    this.reads = new Map();
    try {
      await this.store.touch([...taken.values()]);
    } catch (error) {
      this.reads = new Map([...taken, ...this.reads]);
      throw error;
    }
  }
}
