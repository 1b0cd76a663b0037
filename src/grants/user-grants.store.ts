import { Inject, Injectable } from '@nestjs/common';
import { Database } from '../database/index.js';
import type { Query } from '../database/index.js';
import { CONSENT_ENDED } from './ended-consent.entity.js';
import { GrantAuthenticity } from './grant-authenticity.js';
import type { FoundGrant, GrantSieve } from './grant-authenticity.js';
import { GRANT_ROWS } from './grant.columns.js';
import { REVOCABLE, lockName } from './grant-sql.js';
import type { Grant, GrantKey } from './grant.js';
import { GrantStore } from './grant.store.js';
import { PendingConsents } from './pending-consents.js';
import { RevocationOutbox } from './revocation-outbox.js';
import type { RevocableToken } from './revocation-outbox.js';

const TABLES = ['stitch_grants', 'stitch_unconfirmed_grants'] as const;

/**
 * The providers that a table has rows of, as a CTE: one step in the index for each of the few there
 * are, configured or not. With them a user is found by indexes that begin with the provider.
 */
const providersOf = (table: (typeof TABLES)[number]) => `WITH RECURSIVE p AS (
  SELECT min(provider) AS provider FROM ${table}
  UNION ALL SELECT (SELECT min(provider) FROM ${table} WHERE provider > p.provider)
  FROM p WHERE p.provider IS NOT NULL)`;

/** What was erased of a user. */
export interface Erased {
  readonly grants: readonly GrantKey[];
  /** How many authorization requests were ended. */
  readonly requests: number;
}

type Deleted = RevocableToken & { readonly grantId: string };

/** Everything of one user, of all providers and connections. */
@Injectable()
export class UserGrantsStore {
  constructor(
    private readonly database: Database,
    private readonly revocations: RevocationOutbox,
    private readonly pendingConsents: PendingConsents,
    private readonly grants: GrantStore,
    @Inject(GrantAuthenticity) private readonly authenticity: GrantSieve,
  ) {}

  /** Every provider that there are grants of, whether or not it is configured. @throws StorageUnavailableError */
  async providers(): Promise<string[]> {
    const rows = await this.database.query<{ provider: string }>(
      `${providersOf('stitch_grants')} SELECT provider FROM p WHERE provider IS NOT NULL`,
    );
    return rows.map(({ provider }) => provider);
  }

  /** The grants of a user by their names, without those that nobody has confirmed yet. */
  async list(userId: string): Promise<Grant[]> {
    const rows = await this.database.query<FoundGrant>(
      `${providersOf('stitch_grants')}
       SELECT ${GRANT_ROWS.selected('g')}, ${CONSENT_ENDED} FROM p JOIN stitch_grants g ON g.provider = p.provider
       WHERE g.user_id = $1 AND g.status <> 'awaiting_confirmation'
       ORDER BY g.provider, g.connection`,
      [userId],
    );
    return this.authenticity.sift(rows.map((row) => GRANT_ROWS.read(row)));
  }

  /**
   * Forgets a user: every grant as by {@link GrantStore.delete}, and every authorization request
   * that has not ended, also one whose user has not come back yet.
   *
   * @param client who asked for it
   */
  async erase(userId: string, client: string): Promise<Erased> {
    const deleted: Deleted[] = [];
    const erased = await this.database.transaction(async (query) => {
      // First, as in a deletion: whoever links or confirms has the request before the lock of a name.
      const requests = await this.pendingConsents.endAll(query, userId);
      const grants: GrantKey[] = [];
      for (const key of await namesOf(query, userId)) {
        await lockName(query, key);
        const gone = await remove(query, key);
        await this.revocations.add(query, gone);
        deleted.push(...gone);
        if (gone.length > 0) grants.push(key);
      }
      return { grants, requests };
    }, client);
    await this.grants.onDeleted(deleted);
    return erased;
  }
}

/** The names under which there is anything of a user; in one order, so that two erasures never deadlock. */
async function namesOf(query: Query, userId: string): Promise<GrantKey[]> {
  const names = new Map<string, GrantKey>();
  for (const table of TABLES) {
    const found = await query<GrantKey>(
      `${providersOf(table)}
       SELECT g.provider, g.user_id AS "userId", g.connection
       FROM p JOIN ${table} g ON g.provider = p.provider WHERE g.user_id = $1`,
      [userId],
    );
    for (const key of found) names.set(JSON.stringify([key.provider, key.connection]), key);
  }
  return [...names].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, key]) => key);
}

async function remove(query: Query, key: GrantKey): Promise<Deleted[]> {
  const gone: Deleted[] = [];
  for (const table of TABLES) {
    const deleted = await query<Deleted>(
      `DELETE FROM ${table} g
       WHERE g.provider = $1 AND g.user_id = $2 AND g.connection = $3 RETURNING ${REVOCABLE},
         g.grant_id AS "grantId"`,
      [key.provider, key.userId, key.connection],
    );
    gone.push(...deleted);
  }
  return gone;
}
