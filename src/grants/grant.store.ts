import { Inject, Injectable } from '@nestjs/common';
import { Database } from '../database/index.js';
import type { Query } from '../database/index.js';
import { CONSENT_ENDED } from './ended-consent.entity.js';
import { GrantAuthenticity } from './grant-authenticity.js';
import type { FoundGrant, GrantSieve } from './grant-authenticity.js';
import { GRANT_ROWS } from './grant.columns.js';
import type { Grant, GrantKey, GrantStatus } from './grant.js';
import { REPLACED, REVOCABLE, lockName } from './grant-sql.js';
import { CONSENTED_ROWS } from './new-grant.js';
import type { NewGrant } from './new-grant.js';
import { PendingConsents } from './pending-consents.js';
import { RevocationOutbox } from './revocation-outbox.js';
import type { RevocableToken } from './revocation-outbox.js';

/** Which grants to list; everything when empty. */
export interface GrantFilter {
  readonly provider?: string;
  readonly status?: GrantStatus;
  readonly userId?: string;
}

/** Milliseconds until a suspended token is tried for the first time. */
const FIRST_CHECK_MS = 10_000;

/** Reads and writes of `stitch_grants` other than those of rotations and of their schedule. */
@Injectable()
export class GrantStore {
  /** Is told what was deleted before whoever asked for it is. */
  onDeleted: (gone: readonly (GrantKey & { readonly grantId: string })[]) => Promise<void> = () =>
    Promise.resolve();

  constructor(
    private readonly database: Database,
    private readonly revocations: RevocationOutbox,
    private readonly pendingConsents: PendingConsents,
    @Inject(GrantAuthenticity) private readonly authenticity: GrantSieve,
  ) {}

  /** @returns undefined also for one that somebody put back @throws StorageUnavailableError */
  async load(key: GrantKey): Promise<Grant | undefined> {
    const rows = await this.database.query<FoundGrant>(
      `SELECT ${GRANT_ROWS.selected('g')}, ${CONSENT_ENDED} FROM stitch_grants g
       WHERE g.provider = $1 AND g.user_id = $2 AND g.connection = $3`,
      [key.provider, key.userId, key.connection],
    );
    return this.genuine(rows)[0];
  }

  /** Those of these grants that there are, by one statement. @throws StorageUnavailableError */
  async loadMany(keys: readonly GrantKey[]): Promise<Grant[]> {
    const rows = await this.database.query<FoundGrant>(
      `SELECT ${GRANT_ROWS.selected('g')}, ${CONSENT_ENDED} FROM stitch_grants g
       JOIN unnest($1::text[], $2::text[], $3::text[]) AS r(provider, user_id, connection)
         USING (provider, user_id, connection)`,
      [
        keys.map(({ provider }) => provider),
        keys.map(({ userId }) => userId),
        keys.map(({ connection }) => connection),
      ],
    );
    return this.genuine(rows);
  }

  /**
   * Stores what a consent brought, in the caller's transaction. Replaces an earlier grant of the
   * same name as a whole. The version goes on counting, so that a report about an old token is
   * recognised as old. The earlier refresh token is revoked later. What is not confirmed yet
   * replaces nothing but another of its kind: see {@link UnconfirmedStore}.
   *
   * @returns false when nothing was written: it is there already, or something is that stays
   */
  async link(query: Query, grant: NewGrant): Promise<boolean> {
    await lockName(query, grant);
    // Not its own token: this may be a second try after a commit whose answer was lost.
    const replaced = await query<RevocableToken>(
      `SELECT ${REVOCABLE} FROM stitch_grants g
       WHERE provider = $1 AND user_id = $2 AND connection = $3 AND grant_id <> $4
         AND ($5 = 'active' OR status = 'awaiting_confirmation')
       FOR UPDATE`,
      [grant.provider, grant.userId, grant.connection, grant.grantId, grant.status],
    );
    await this.revocations.add(query, replaced);
    const rows = await query(
      `INSERT INTO stitch_grants AS g (${CONSENTED_ROWS.names}, status)
       VALUES (${CONSENTED_ROWS.parameters}, $${CONSENTED_ROWS.count + 1})
       ON CONFLICT (provider, user_id, connection) DO UPDATE SET ${REPLACED}
       WHERE g.grant_id <> EXCLUDED.grant_id
         AND (EXCLUDED.status = 'active' OR g.status = 'awaiting_confirmation')
       RETURNING 1`,
      [...CONSENTED_ROWS.values(grant), grant.status],
    );
    return rows.length > 0;
  }

  /**
   * Notes that the API refuses the token of this version. Nobody serves it from then on; a grant
   * that can't be refreshed is suspended. A version that is not the current one changes nothing.
   */
  async reject(key: GrantKey, version: number): Promise<void> {
    await this.database.query(
      `UPDATE stitch_grants g SET rejected_version = g.version,
         status = CASE WHEN g.refresh_token IS NULL THEN 'suspended' ELSE g.status END,
         reason = CASE WHEN g.refresh_token IS NULL THEN 'suspended' ELSE g.reason END,
         -- Due at once, unless somebody is at it: then the due time is the end of the lease.
         refresh_due_at = CASE WHEN g.lease_owner IS NOT NULL THEN g.refresh_due_at
           WHEN g.refresh_token IS NULL THEN now() + $5 * interval '1 millisecond'
           ELSE now() END
       WHERE g.provider = $1 AND g.user_id = $2 AND g.connection = $3 AND g.version = $4
         AND g.status = 'active' AND coalesce(g.rejected_version, 0) < g.version`,
      [key.provider, key.userId, key.connection, version, FIRST_CHECK_MS],
    );
  }

  /**
   * Deletes a grant, and with it what waits beside it to be confirmed; their refresh tokens are
   * revoked later. Under the lock of the name: a consent that is being confirmed at this moment is
   * deleted before or after the confirmation, and never missed between the two. Nor does what a
   * user who has come back already consented to: such links are ended.
   *
   * @param client who asked for it
   * @returns whether there was one
   */
  async delete(key: GrantKey, client?: string): Promise<boolean> {
    const name = [key.provider, key.userId, key.connection];
    const gone = await this.database.transaction(async (query) => {
      // First: a callback has its request before the lock of the name.
      await this.pendingConsents.end(query, key);
      await lockName(query, key);
      const deleted: (RevocableToken & { readonly grantId: string })[] = [];
      for (const table of ['stitch_grants', 'stitch_unconfirmed_grants']) {
        const deletion = `DELETE FROM ${table} g
          WHERE g.provider = $1 AND g.user_id = $2 AND g.connection = $3
          RETURNING ${REVOCABLE}, g.grant_id AS "grantId"`;
        deleted.push(...(await query<(typeof deleted)[number]>(deletion, name)));
      }
      await this.revocations.add(query, deleted);
      return deleted;
    }, client);
    await this.onDeleted(gone.map(({ grantId }) => ({ ...key, grantId })));
    return gone.length > 0;
  }

  /** A page of grants in the order of their names, those after `after`. */
  async list(filter: GrantFilter, after: GrantKey | undefined, limit: number): Promise<Grant[]> {
    const rows = await this.database.query<Grant>(
      `SELECT ${GRANT_ROWS.selected('g')} FROM stitch_grants g
       WHERE ($1::text IS NULL OR g.provider = $1) AND ($2::text IS NULL OR g.status = $2)
         AND ($3::text IS NULL OR g.user_id = $3)
         AND ($4::text IS NULL OR (g.provider, g.user_id, g.connection) > ($4, $5, $6))
       ORDER BY g.provider, g.user_id, g.connection LIMIT $7`,
      [
        filter.provider ?? null,
        filter.status ?? null,
        filter.userId ?? null,
        after?.provider ?? null,
        after?.userId ?? null,
        after?.connection ?? null,
        limit,
      ],
    );
    return rows.map((row) => GRANT_ROWS.read(row));
  }

  private genuine(rows: readonly FoundGrant[]): Grant[] {
    return this.authenticity.sift(rows.map((row) => GRANT_ROWS.read(row)));
  }
}
