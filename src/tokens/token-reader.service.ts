import { performance } from 'node:perf_hooks';
import { Inject, Injectable } from '@nestjs/common';
import {
  KeyedSingleFlight,
  StorageUnavailableError,
  insufficientScope,
  keyUnavailable,
  providerUnavailable,
  reauthorizationRequired,
  tokenNotFound,
  withTimeLimit,
} from '../common/index.js';
import { refreshConfig } from '../config/index.js';
import type { ConfigType } from '../config/index.js';
import { DatabaseClock, StaleTrust } from '../database/index.js';
import { alive, fresh, grantKeyText, GrantStore, judged, remaining } from '../grants/index.js';
import { GrantCache } from './grant-cache.js';
import { GrantLoads } from './grant-loads.js';
import { GrantRefresher } from './grant-refresher.js';
import type { RefreshDemand } from './grant-refresher.js';
import type { Grant, GrantKey } from '../grants/index.js';
import { TokenOpener } from './token-opener.js';
import type { ServedToken } from './token-opener.js';

/** What a reader asks for beyond the name of the grant. */
export interface ReadRequest {
  /** Seconds the token must have left; the configuration's `MIN_TTL` when undefined. */
  readonly minTtl: number | undefined;
  /** Scopes the token must have. */
  readonly scopes: readonly string[];
}

/** The read path: cache, store, refresh; in this order and no further than needed. */
@Injectable()
export class TokenReader {
  private readonly loads = new KeyedSingleFlight<Grant | undefined>();

  constructor(
    @Inject(refreshConfig.KEY) private readonly config: ConfigType<typeof refreshConfig>,
    private readonly cache: GrantCache,
    private readonly store: GrantStore,
    private readonly rows: GrantLoads,
    private readonly opener: TokenOpener,
    private readonly refresher: GrantRefresher,
    private readonly clock: DatabaseClock,
    private readonly trust: StaleTrust,
  ) {}

  /**
   * A token that is valid now and for as long as asked, or the reason why there is none.
   *
   * @throws VaultError by the table in docs/reading.md
   */
  async read(key: GrantKey, request: ReadRequest): Promise<ServedToken> {
    const minTtl = request.minTtl ?? this.config.minTtlSeconds;
    const steps = this.clock.stepsSeen;
    let grant = this.cache.get(key);
    // What a consent or a confirmation may have changed since is looked up, not answered from memory.
    const settled = grant?.status === 'active' && fresh(grant, minTtl, this.clock.now());
    if (!grant || !settled) grant = await this.load(key, grant, steps);
    assertReadable(grant);
    assertScopes(grant, request.scopes);
    if (!fresh(grant, minTtl, this.clock.now())) {
      grant = await this.refreshed(grant, { kind: 'reader', minTtl }, steps);
      assertScopes(grant, request.scopes);
    }
    return this.opener.open(grant);
  }

  /**
   * A caller reports that the API refuses the token of this version. Whatever the number of
   * reports, the token is replaced once; a report about an old version changes nothing.
   *
   * @returns the current token, or throws as {@link read} does
   */
  async reject(key: GrantKey, version: number): Promise<ServedToken> {
    await this.store.reject(key, version);
    this.cache.invalidate(key);
    return this.read(key, { minTtl: undefined, scopes: [] });
  }

  /** Forgets a grant, at once and on every replica. @param client who asked for it */
  async delete(key: GrantKey, client?: string): Promise<void> {
    await this.store.delete(key, client);
    this.cache.invalidate(key);
  }

  /** The row from the store; while that is away, a token still alive is served all the same. */
  private async load(key: GrantKey, cached: Grant | undefined, steps: number): Promise<Grant> {
    try {
      // A load that began before an invalidation is not joined after it.
      const text = `${grantKeyText(key)}\0${String(this.cache.epoch(key))}`;
      const grant = await this.loads.run(text, async () => {
        const readAt = performance.now();
        const loaded = await this.rows.load(key);
        if (loaded) this.cache.set(loaded, readAt);
        else this.cache.invalidate(key);
        return loaded && judged(loaded, this.clock, readAt);
      });
      if (!grant) throw tokenNotFound();
      return grant;
    } catch (error) {
      if (!(error instanceof StorageUnavailableError)) throw error;
      const known = steps === this.clock.stepsSeen ? cached : undefined;
      const last = known ?? this.cache.getStale(key);
      if (!last || !alive(last, this.clock.now())) throw error;
      this.trust.assert('grant');
      return last;
    }
  }

  /** @param steps of the clock that had been seen when the grant was judged: by another one it may be dead */
  private async refreshed(grant: Grant, demand: RefreshDemand, steps: number): Promise<Grant> {
    const isUsable = () => steps === this.clock.stepsSeen && alive(grant, this.clock.now());
    const usable = isUsable();
    const refresh = this.refresher.refresh(grant, demand);
    const found = usable
      ? await withTimeLimit(this.clock, this.patience(grant), refresh)
      : await refresh;
    // The provider is slow: the rotation goes on, and what is still alive is served meanwhile.
    if (!found) return grant;
    switch (found.kind) {
      case 'grant': {
        assertReadable(found.grant);
        const better = judged(found.grant, this.clock);
        if (alive(better, this.clock.now())) return better;
        throw providerUnavailable(1);
      }
      case 'gone':
        throw tokenNotFound();
      case 'provider_unavailable':
        if (isUsable()) return grant;
        throw providerUnavailable(Math.max(1, Math.ceil(found.retryAfter / 1000)));
      case 'storage_unavailable':
        if (isUsable()) return grant;
        throw new StorageUnavailableError();
      case 'key_unavailable':
        if (isUsable()) return grant;
        throw keyUnavailable();
    }
  }

  /** Milliseconds for which a better token is waited for while this one is still alive. */
  private patience(grant: Grant): number {
    const left = remaining(grant, this.clock.now()) - 1000;
    return Math.max(0, Math.min(this.config.providerTimeoutMs / 2, left));
  }
}

function assertReadable(grant: Grant): void {
  if (grant.status === 'awaiting_confirmation') throw tokenNotFound();
  if (grant.status === 'suspended') throw reauthorizationRequired('suspended');
  if (grant.status === 'reauthorization_required') {
    throw reauthorizationRequired(grant.reason ?? 'grant_revoked');
  }
}

function assertScopes(grant: Grant, needed: readonly string[]): void {
  const missing = needed.filter((scope) => !grant.scopes.includes(scope));
  if (missing.length > 0) throw insufficientScope(missing);
}
