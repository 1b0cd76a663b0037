import { Inject, Injectable } from '@nestjs/common';
import { Log, StorageUnavailableError } from '../common/index.js';
import { refreshConfig } from '../config/index.js';
import type { ConfigType } from '../config/index.js';
import { AfterStepBack, DatabaseClock, History } from '../database/index.js';
import { Keyring } from '../encryption/index.js';
import { BackgroundWorks } from '../lifecycle/index.js';
import { ProviderError, ProviderRegistry } from '../providers/index.js';
import { SharedConsents, TokenSealer } from '../grants/index.js';
import { RevocationStore } from './revocation.store.js';
import type { Revocation } from './revocation.store.js';

/** Milliseconds between two looks into the outbox. */
const INTERVAL_MS = 1000;
/** Revocations under way at once, and milliseconds after which one counts as forgotten. */
const BATCH = 8;
const LEASE_MS = 60_000;
/** Milliseconds: the first retry and the longest wait between two. */
const BACKOFF_MS = { first: 1000, longest: 60_000 };

/** Empties the outbox of tokens to revoke (RFC 7009), for as long as the provider takes. */
@Injectable()
export class Revoker {
  /** Nothing waits for a time that the clock had shown before it was set back. */
  private readonly hurrying: AfterStepBack;

  constructor(
    private readonly store: RevocationStore,
    private readonly providers: ProviderRegistry,
    private readonly sealer: TokenSealer,
    private readonly keyring: Keyring,
    private readonly consents: SharedConsents,
    private readonly history: History,
    @Inject(refreshConfig.KEY) private readonly config: ConfigType<typeof refreshConfig>,
    private readonly log: Log,
    clock: DatabaseClock,
    works: BackgroundWorks,
  ) {
    this.hurrying = new AfterStepBack(clock, () => store.hurry());
    works.every('revoke', INTERVAL_MS, (signal) => this.empty(signal));
  }

  /** To revoke a token is to present it: a copy of the database would end what the original uses. */
  private get paused(): boolean {
    return this.config.policy === 'paused' || this.history.paused !== undefined;
  }

  private async empty(signal: AbortSignal): Promise<void> {
    if (this.paused) return;
    try {
      await this.hurrying.run();
      for (;;) {
        const due = await this.store.claim(BATCH, LEASE_MS, this.keyring.ids);
        await Promise.all(due.map((each) => this.revoke(each)));
        if (signal.aborted || due.length < BATCH) return;
      }
    } catch (error) {
      // What was claimed is due again after its lease.
      if (!(error instanceof StorageUnavailableError)) this.log.failure('revoker.failed', error);
    }
  }

  private async revoke(revocation: Revocation): Promise<void> {
    const { id, provider, attempts } = revocation;
    const guarded = this.providers.find(provider);
    if (guarded?.provider.capabilities.revokes === false) {
      // Where nothing can be revoked the token is forgotten, which is all that can be done.
      await this.store.done(id);
      return;
    }
    try {
      if (guarded?.provider.capabilities.revocation === 'consent') {
        if (await this.consents.isShared(revocation)) {
          // To revoke it would end the other grant, whose own deletion ends this one as well.
          await this.store.done(id);
          this.log.event('info', 'revocation.spared', { provider, attempts });
          return;
        }
      }
      if (!guarded) throw new ProviderError('unreachable', 'provider_off');
      // A provider that has paused us, or is down, is not asked for this either.
      if (guarded.breaker.wait > 0) throw new ProviderError('unreachable', 'provider_paused');
      const token = this.sealer.open(revocation.refreshToken, 'refresh_token', revocation);
      await guarded.provider.revoke(token);
    } catch (error) {
      if (error instanceof StorageUnavailableError) throw error;
      const reason = error instanceof ProviderError ? error.message : 'unreadable';
      const range = Math.min(
        BACKOFF_MS.longest,
        BACKOFF_MS.first * 2 ** Math.min(attempts - 1, 10),
      );
      await this.store.failed(id, reason, range * (0.5 + Math.random() / 2));
      this.log.event('warn', 'revocation.failed', { provider, attempts, reason });
      return;
    }
    await this.store.done(id);
    this.log.event('info', 'revocation.done', { provider, attempts });
  }
}
