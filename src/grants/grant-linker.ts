import { Inject, Injectable } from '@nestjs/common';
import { StorageUnavailableError } from '../common/index.js';
import { refreshConfig } from '../config/index.js';
import type { ConfigType } from '../config/index.js';
import { Database, DatabaseClock } from '../database/index.js';
import type { Query } from '../database/index.js';
import type { IssuedTokens } from '../providers/index.js';
import { RevocationOutbox } from './revocation-outbox.js';
import type { GrantKey } from './grant.js';
import { GrantStore } from './grant.store.js';
import type { NewGrant } from './new-grant.js';
import { refreshDueAt } from './refresh-due.js';
import { TokenSealer } from './token-sealer.js';
import { UnconfirmedStore } from './unconfirmed.store.js';

/** Milliseconds for which a grant just obtained is offered to a database that is away. */
const PATIENCE_MS = 10_000;
const RETRY_MS = 250;

/** Tokens just obtained, and what the vault knows of them beyond the provider's answer. */
export interface ObtainedTokens extends GrantKey {
  readonly grantId: string;
  /** What awaits confirmation leaves a grant alone that is there already. */
  readonly status: NewGrant['status'];
  readonly issued: IssuedTokens;
  /** Milliseconds since the epoch, database clock: when the provider was asked. */
  readonly askedAt: number;
  /** What was asked for: granted when the answer does not say (RFC 6749 section 5.1). */
  readonly requestedScopes: readonly string[];
}

/** Stores what a provider has just issued for a user. */
@Injectable()
export class GrantLinker {
  constructor(
    @Inject(refreshConfig.KEY) private readonly config: ConfigType<typeof refreshConfig>,
    private readonly grants: GrantStore,
    private readonly unconfirmed: UnconfirmedStore,
    private readonly revocations: RevocationOutbox,
    private readonly sealer: TokenSealer,
    private readonly database: Database,
    private readonly clock: DatabaseClock,
  ) {}

  /**
   * Stores a grant, together with whatever else belongs into the transaction. It waits for a
   * database that goes away at this moment, because the tokens cannot be obtained a second time.
   *
   * @param first done first in the transaction; when it says false the grant is not stored
   * @throws StorageUnavailableError when it stays away
   */
  async store(grant: NewGrant, first?: (query: Query) => Promise<boolean>): Promise<void> {
    const deadline = this.clock.now() + PATIENCE_MS;
    for (;;) {
      try {
        await this.database.transaction(async (query) => {
          if (first && !(await first(query))) return;
          if (grant.status === 'active') await this.grants.link(query, grant);
          else await this.unconfirmed.put(query, grant);
        });
        return;
      } catch (error) {
        if (!(error instanceof StorageUnavailableError) || this.clock.now() > deadline) throw error;
        await this.clock.sleep(RETRY_MS);
      }
    }
  }

  /** Has the refresh token of a grant that will not be stored revoked. */
  async revoke(grant: NewGrant, query: Query): Promise<void> {
    await this.revocations.add(query, [grant]);
  }

  /** Has a refresh token revoked that was issued for a user and that nobody will use. */
  async revokeUnused(
    { provider, userId, connection }: GrantKey,
    refreshToken: string,
  ): Promise<void> {
    const key = { provider, userId, connection };
    const sealed = this.sealer.seal(refreshToken, 'refresh_token', key);
    await this.revocations.add(this.database.query, [{ ...key, refreshToken: sealed }]);
  }

  /** Makes a grant of what a provider has just issued, its tokens sealed. */
  seal(tokens: ObtainedTokens): NewGrant {
    const { provider, userId, connection, grantId, status, issued, askedAt } = tokens;
    const key = { provider, userId, connection };
    const { accessToken, refreshToken, expiresIn } = issued;
    const expiresAt = expiresIn === null ? null : askedAt + expiresIn * 1000;
    const scopes = issued.scopes ?? tokens.requestedScopes;
    const consent = { grantId, scopes, confirmed: status === 'active' };
    return {
      ...key,
      grantId,
      status,
      accessToken: this.sealer.seal(accessToken, 'access_token', key, consent),
      refreshToken:
        refreshToken === null
          ? null
          : this.sealer.seal(refreshToken, 'refresh_token', key, consent),
      scopes,
      subject: issued.subject,
      accountId: issued.accountId,
      obtainedAt: askedAt,
      expiresAt,
      // A grant that can't be refreshed is looked at when it dies.
      refreshDueAt:
        refreshToken === null
          ? expiresAt
          : refreshDueAt({ obtainedAt: askedAt, expiresAt }, this.config.leadMs),
    };
  }
}
