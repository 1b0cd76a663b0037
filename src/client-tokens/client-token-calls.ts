import { randomUUID } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { Inject, Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { KeyedSingleFlight, Log, StorageUnavailableError } from '../common/index.js';
import { refreshConfig } from '../config/index.js';
import type { ConfigType } from '../config/index.js';
import { AfterStepBack, DatabaseClock } from '../database/index.js';
import { Sealer } from '../encryption/index.js';
import { refreshDueAt } from '../grants/index.js';
import { Metrics } from '../metrics/index.js';
import { LONGEST_ASKED_MS, ProviderError } from '../providers/index.js';
import type { ClientTokenGrant, GuardedProvider, IssuedTokens } from '../providers/index.js';
import { clientTokenText } from './client-token.js';
import type {
  ClientToken,
  ClientTokenKey,
  ClientTokenRefusal,
  ClientTokenRow,
} from './client-token.js';
import { ClientTokenStore } from './client-token.store.js';
import { clientTokenContext } from './sealed-tables.js';

/** Milliseconds by which a lease outlives the call under it: other secrets are tried within 3 s. */
const LEASE_MARGIN_MS = 5000;
/** Milliseconds: the first pause after a failed call, and the longest that we choose ourselves. */
const BACKOFF_MS = { first: 500, longest: 30_000 };
/** Milliseconds for which a refusal is believed: somebody may put it right at the provider. */
const REFUSED_MS = 60_000;
/** Tokens kept in memory at most. */
const CAPACITY = 1000;

/** What the provider's word means where it is about the request and not about a bad moment. */
const REFUSALS: Readonly<Record<string, ClientTokenRefusal | undefined>> = {
  invalid_scope: 'scope',
  unsupported_grant_type: 'unsupported',
  unauthorized_client: 'unsupported',
};

/**
 * The one place from which providers are asked for tokens of the client itself: under a lease, then
 * written for all replicas. Such a call spends nothing, so a token that could not be written is
 * served all the same, and a call that was lost is made again.
 */
@Injectable()
export class ClientTokenCalls {
  private readonly memory = new LRUCache<string, ClientToken>({ max: CAPACITY });
  private readonly calls = new KeyedSingleFlight<'done' | 'taken' | 'full'>();
  private readonly forgetting: AfterStepBack;

  constructor(
    @Inject(refreshConfig.KEY) private readonly config: ConfigType<typeof refreshConfig>,
    private readonly store: ClientTokenStore,
    private readonly sealer: Sealer,
    private readonly clock: DatabaseClock,
    private readonly metrics: Metrics,
    private readonly log: Log,
  ) {
    this.forgetting = new AfterStepBack(clock, async () => {
      await store.forgetAll();
      this.memory.clear();
    });
  }

  /** What this process knows, without asking anybody. */
  remembered(key: ClientTokenKey): ClientToken | undefined {
    return this.forgetting.isDue ? undefined : this.memory.get(clientTokenText(key));
  }

  remember(key: ClientTokenKey, token: ClientToken): void {
    this.memory.set(clientTokenText(key), token);
  }

  /**
   * Asks for a token, unless somebody else does. The caller holds a place in the limit.
   *
   * @param row what was seen of it
   * @returns `done`: asked, well or badly; `taken`: somebody else asks, or has asked since
   * @throws StorageUnavailableError
   */
  ask(
    key: ClientTokenKey,
    row: Pick<ClientTokenRow, 'version' | 'failureCount'> | undefined,
    grant: ClientTokenGrant,
  ): Promise<'done' | 'taken' | 'full'> {
    return this.calls.run(clientTokenText(key), async () => {
      const owner = randomUUID();
      const milliseconds = this.config.providerTimeoutMs + LEASE_MARGIN_MS;
      const claim = await this.store.claim(key, row?.version ?? 0, { owner, milliseconds });
      if (claim !== 'claimed') return claim;
      await this.call(key, owner, row?.failureCount ?? 0, grant);
      return 'done';
    });
  }

  /**
   * Forgets all tokens, leases and pauses of before a step back of the database's clock. By it a token looks
   * newer than it is, a lease or a pause longer. Other tokens are to be had at the price of a call.
   *
   * @throws StorageUnavailableError
   */
  forgetOutdated(): Promise<void> {
    return this.forgetting.run();
  }

  /** Resolves when no call is under way. */
  settled(): Promise<void> {
    return this.calls.settled();
  }

  private async call(
    key: ClientTokenKey,
    owner: string,
    failures: number,
    grant: ClientTokenGrant,
  ): Promise<void> {
    const { provider, scope } = key;
    const asked = performance.now();
    let issued: IssuedTokens;
    try {
      issued = await grant.request(scope.split(' '));
    } catch (error) {
      if (!(error instanceof ProviderError)) throw error;
      const refusal = REFUSALS[error.reason] ?? null;
      if (error.kind === 'invalid_client' && !refusal)
        this.metrics.credentialRefusals.inc({ provider });
      this.metrics.clientTokenCalls.inc({ provider, outcome: refusal ? 'refused' : 'failed' });
      this.log.event('warn', 'client_token.failed', { provider, scope, reason: error.message });
      const retryIn = refusal ? REFUSED_MS : pause(failures, error.retryAfter ?? 0);
      await this.store.fail(key, owner, { error: error.message, retryIn, refusal });
      return;
    }
    // By the clock as it is now: it may have been set meanwhile.
    const askedAt = Math.floor(this.clock.now() - (performance.now() - asked));
    const expiresAt = issued.expiresIn === null ? null : askedAt + issued.expiresIn * 1000;
    const token = {
      accessToken: this.sealer.seal(issued.accessToken, clientTokenContext(key)),
      scopes: issued.scopes ?? scope.split(' '),
      obtainedAt: askedAt,
      expiresAt,
    };
    this.remember(key, token);
    this.metrics.clientTokenCalls.inc({ provider, outcome: 'obtained' });
    this.log.event('info', 'client_token.obtained', {
      provider,
      scope,
      expires_in: issued.expiresIn,
    });
    try {
      await this.store.commit(key, owner, token, refreshDueAt(token, this.config.leadMs));
    } catch (error) {
      if (!(error instanceof StorageUnavailableError)) throw error;
      // It is in memory; the other replicas ask for their own when the lease has run out.
      this.log.event('warn', 'client_token.not_written', { provider, scope });
    }
  }
}

/** Milliseconds. @param asked by the provider */
function pause(failures: number, asked: number): number {
  const range = Math.min(BACKOFF_MS.longest, BACKOFF_MS.first * 2 ** Math.min(failures, 10));
  return Math.floor(Math.max(range * (0.5 + Math.random() / 2), Math.min(asked, LONGEST_ASKED_MS)));
}

/** A provider that has tokens for the client itself. */
export interface ClientTokenSource {
  readonly guarded: GuardedProvider;
  readonly grant: ClientTokenGrant;
}
