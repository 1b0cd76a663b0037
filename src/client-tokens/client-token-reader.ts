import { Inject, Injectable } from '@nestjs/common';
import {
  KeyedSingleFlight,
  Log,
  insufficientScope,
  providerUnavailable,
  rateLimited,
  unsupported,
  withTimeLimit,
} from '../common/index.js';
import { refreshConfig } from '../config/index.js';
import type { ConfigType } from '../config/index.js';
import { DatabaseClock, History } from '../database/index.js';
import { EncryptionError, Sealer } from '../encryption/index.js';
import { neededTtl, remaining } from '../grants/index.js';
import { ProviderRegistry } from '../providers/index.js';
import { clientTokenText, decideToAsk, isAlive, scopeSet } from './client-token.js';
import type { ClientToken, ClientTokenKey, ClientTokenRow } from './client-token.js';
import { ClientTokenCalls } from './client-token-calls.js';
import type { ClientTokenSource } from './client-token-calls.js';
import { ClientTokenRenewal } from './client-token-renewal.js';
import { ClientTokenStore } from './client-token.store.js';
import { clientTokenContext } from './sealed-tables.js';

/** Milliseconds between looks at a row that another replica works on: first and longest. */
const POLL_MS = { first: 20, longest: 250 };
/** Milliseconds that a read may take beyond one provider call. */
const PATIENCE_MS = 2000;
/** Milliseconds after which a caller may ask again while nobody is asked at all. */
const PAUSED_MS = 60_000;
/** Seconds after which a caller may ask again with one more set of scopes. */
const FULL_SECONDS = 60;

/** An opened token with what the caller needs to know of it. */
export interface ServedClientToken extends Pick<ClientToken, 'scopes' | 'expiresAt'> {
  readonly accessToken: string;
  readonly provider: string;
  /** Whole seconds, rounded down; null for a token that never expires. */
  readonly expiresIn: number | null;
}

/** Reads tokens of the client itself: memory, then the database, then the provider. */
@Injectable()
export class ClientTokenReader {
  private readonly searches = new KeyedSingleFlight<ClientToken>();

  constructor(
    @Inject(refreshConfig.KEY) private readonly config: ConfigType<typeof refreshConfig>,
    private readonly providers: ProviderRegistry,
    private readonly store: ClientTokenStore,
    private readonly calls: ClientTokenCalls,
    private readonly renewal: ClientTokenRenewal,
    private readonly sealer: Sealer,
    private readonly clock: DatabaseClock,
    private readonly history: History,
    private readonly log: Log,
  ) {}

  /**
   * A token with these scopes that is valid now and for as long as asked.
   *
   * @param minTtl seconds the token must have left; the configuration's `MIN_TTL` when undefined
   * @throws VaultError by the table in docs/reading.md
   */
  async read(
    provider: string,
    scopes: readonly string[],
    minTtl = this.config.minTtlSeconds,
  ): Promise<ServedClientToken> {
    const guarded = this.providers.require(provider);
    const { clientTokens: grant } = guarded.provider;
    if (!grant) throw unsupported('This provider has no tokens for the client itself.');
    const key = { provider, clientId: grant.clientId, scope: scopeSet(scopes) };
    const known = this.calls.remembered(key);
    const token =
      known && this.isFresh(known, minTtl)
        ? known
        : await this.better(key, known, minTtl, { guarded, grant });
    const missing = key.scope.split(' ').filter((scope) => !token.scopes.includes(scope));
    if (missing.length > 0) throw refusedScopes(missing);
    this.renewal.note(key, this.clock.now());
    const left = remaining(token, this.clock.now());
    return {
      accessToken: this.sealer.open(token.accessToken, clientTokenContext(key)),
      scopes: token.scopes,
      expiresAt: token.expiresAt,
      expiresIn: left === Infinity ? null : Math.floor(left / 1000),
      provider,
    };
  }

  private isFresh(token: ClientToken, minTtl: number): boolean {
    const left = remaining(token, this.clock.now());
    return left >= Math.max(1000, neededTtl(token, minTtl));
  }

  /** What is still alive is served where nothing better is to be had, or not soon. */
  private async better(
    key: ClientTokenKey,
    known: ClientToken | undefined,
    minTtl: number,
    source: ClientTokenSource,
  ): Promise<ClientToken> {
    let alive = known;
    const text = JSON.stringify([clientTokenText(key), minTtl]);
    const search = this.searches.run(text, () =>
      this.search(key, minTtl, source, (token) => (alive = token)),
    );
    try {
      if (!isAlive(alive, this.clock.now())) return await search;
      const left = remaining(alive, this.clock.now()) - 1000;
      const patience = Math.min(this.config.providerTimeoutMs / 2, left);
      return (await withTimeLimit(this.clock, Math.max(0, patience), search)) ?? alive;
    } catch (error) {
      const last = this.calls.remembered(key) ?? alive;
      if (isAlive(last, this.clock.now())) return last;
      throw error;
    }
  }

  private async search(
    key: ClientTokenKey,
    minTtl: number,
    source: ClientTokenSource,
    onAlive: (token: ClientToken) => void,
  ): Promise<ClientToken> {
    const { clock } = this;
    const deadline = clock.now() + this.config.providerTimeoutMs + PATIENCE_MS;
    for (let attempt = 0; ; attempt += 1) {
      await this.calls.forgetOutdated();
      const row = await this.load(key);
      const token = row?.token;
      if (token && isAlive(token, clock.now())) {
        this.calls.remember(key, token);
        onAlive(token);
        if (this.isFresh(token, minTtl)) return token;
      }
      if (clock.now() >= deadline) throw providerUnavailable(1);
      const asked = await this.ask(key, row, source, deadline - clock.now());
      const fresh = this.calls.remembered(key);
      if (asked && fresh && this.isFresh(fresh, minTtl)) return fresh;
      if (!asked) await clock.sleep(pollDelay(attempt));
    }
  }

  /** Asks the provider if that is called for. @returns whether it was asked. @throws VaultError */
  private async ask(
    key: ClientTokenKey,
    row: ClientTokenRow | undefined,
    { guarded: { breaker, limit }, grant }: ClientTokenSource,
    milliseconds: number,
  ): Promise<boolean> {
    const { clock } = this;
    const decision = decideToAsk(row, clock.now());
    if (decision.kind === 'leased') return false;
    if (decision.kind === 'refused') {
      if (decision.refusal === 'scope') throw refusedScopes(key.scope.split(' '));
      throw unsupported('The provider has no tokens for this client itself.');
    }
    if (this.config.policy === 'paused' || this.history.paused !== undefined) {
      throw unavailable(PAUSED_MS);
    }
    if (decision.kind === 'wait') throw unavailable(decision.for);
    if (breaker.wait > 0) throw unavailable(breaker.wait);
    if (!(await limit.wait(milliseconds, clock))) throw unavailable(1000);
    try {
      const asked = await this.calls.ask(key, row, grant);
      if (asked === 'full') throw rateLimited(FULL_SECONDS);
      return asked === 'done';
    } finally {
      limit.leave();
    }
  }

  /** A token that nobody can open, so far as this replica knows the key, is none. */
  private async load(key: ClientTokenKey): Promise<ClientTokenRow | undefined> {
    const row = await this.store.load(key);
    if (!row?.token) return row;
    try {
      this.sealer.open(row.token.accessToken, clientTokenContext(key));
      return row;
    } catch (error) {
      // Another replica has the key: its token is not to be replaced.
      if (!(error instanceof EncryptionError) || error.code === 'unknown_key') throw error;
      this.log.failure('client_token.unreadable', error, { provider: key.provider });
      return { ...row, token: null };
    }
  }
}

/** There is no user in this: it is the provider that does not give them. */
const refusedScopes = (missing: string[]) =>
  insufficientScope(missing, 'The provider does not give the client every scope asked for.');

/** @param milliseconds until it is worth asking again */
const unavailable = (milliseconds: number) =>
  providerUnavailable(Math.max(1, Math.ceil(milliseconds / 1000)));

const pollDelay = (attempt: number): number =>
  Math.min(POLL_MS.longest, POLL_MS.first * 2 ** Math.min(attempt, 10)) * (0.5 + Math.random() / 2);
