import { performance } from 'node:perf_hooks';
import { Inject, Injectable } from '@nestjs/common';
import { Log, StorageUnavailableError } from '../common/index.js';
import { refreshConfig } from '../config/index.js';
import type { ConfigType } from '../config/index.js';
import { DatabaseClock, History } from '../database/index.js';
import { BackgroundWorks } from '../lifecycle/index.js';
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
  /** Monotonic. */
  private forgotAt = -Infinity;

  constructor(
    @Inject(refreshConfig.KEY) private readonly config: ConfigType<typeof refreshConfig>,
    private readonly providers: ProviderRegistry,
    private readonly store: ClientTokenStore,
    private readonly calls: ClientTokenCalls,
    private readonly history: History,
    private readonly clock: DatabaseClock,
    private readonly log: Log,
    works: BackgroundWorks,
  ) {
    works.every('renew-client-tokens', INTERVAL_MS, (signal) => this.run(signal));
    works.add({
      start: () => undefined,
      stop: () => undefined,
      drain: () => calls.settled(),
    });
  }

  /** A token was read. @param at milliseconds since the epoch */
  note(key: ClientTokenKey, at: number): void {
    if (this.reads.size < CAPACITY) this.reads.set(clientTokenText(key), { key, at });
  }

  private async run(signal: AbortSignal): Promise<void> {
    try {
      await this.look(signal);
    } catch (error) {
      if (error instanceof StorageUnavailableError) return;
      this.log.failure('client_token.renewal_failed', error);
    }
  }

  private async look(signal: AbortSignal): Promise<void> {
    await this.calls.forgetOutdated();
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
      await Promise.all(due.map((row) => this.renew(row, sources.get(row.provider), signal)));
    }
    if (performance.now() - this.forgotAt < FORGET_EVERY_MS) return;
    this.forgotAt = performance.now();
    await this.store.forget();
  }

  private async renew(
    row: ClientTokenRow,
    source: ClientTokenSource | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    if (!source || signal.aborted) return;
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
