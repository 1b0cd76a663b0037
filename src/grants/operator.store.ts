import { Injectable } from '@nestjs/common';
import type { ReauthorizationReason } from '../common/index.js';
import { Database } from '../database/index.js';
import type { Query } from '../database/index.js';
import { RETRIABLE_FOR } from './dead-tokens.js';
import { SAME_GRANT } from './rotation-sql.js';
import { REPLACED } from './grant-sql.js';
import type { GrantKey } from './grant.js';
import { CONSENTED_ROWS } from './new-grant.js';
import type { NewGrant } from './new-grant.js';

/**
 * A grant from another store, sealed. Its `grantId` is derived from where it came from: the same
 * line has the same one, however often it is imported.
 */
export type ImportedGrant = Omit<NewGrant, 'status' | 'subject'>;

/** What became of imported grants. */
export interface ImportCounts {
  /** New in the vault. */
  readonly imported: number;
  /** In place of another grant. */
  readonly replaced: number;
  /** From the very same line before; left alone, as the vault may have rotated it since. */
  readonly unchanged: number;
  /** Another grant has the name, and was left alone. */
  readonly existing: number;
}

/** Milliseconds: an operator's statements may be larger than those of the vault. */
const TIMEOUT_MS = 60_000;

const INSERT = `
  INSERT INTO stitch_grants AS g (${CONSENTED_ROWS.names}, status)
  SELECT r.*, 'active' FROM r
  ON CONFLICT (provider, user_id, connection)`;

/** A grant that came from the same line is not replaced: it can only be newer than the line. */
const REPLACE = `DO UPDATE SET ${REPLACED} WHERE g.grant_id <> EXCLUDED.grant_id`;

/** The joined tables are as they were before the statement; `xmax` tells an insert from an update. */
const importSql = (conflict: string) => `
  WITH r AS MATERIALIZED (
    SELECT * FROM unnest(${CONSENTED_ROWS.arrayParameters}) AS r(${CONSENTED_ROWS.names})),
  written AS (${INSERT} ${conflict}
    RETURNING g.provider, g.user_id, g.connection, g.xmax = 0 AS fresh)
  SELECT count(*) FILTER (WHERE w.fresh)::int AS imported,
    count(*) FILTER (WHERE NOT w.fresh)::int AS replaced,
    count(*) FILTER (WHERE w.fresh IS NULL AND g.grant_id = r.grant_id)::int AS unchanged,
    count(*) FILTER (WHERE w.fresh IS NULL
      AND g.grant_id IS DISTINCT FROM r.grant_id)::int AS existing
  FROM r LEFT JOIN written w USING (provider, user_id, connection)
    LEFT JOIN stitch_grants g USING (provider, user_id, connection)`;

/** Which grants that only their users could revive are to be tried once more; all without it. */
export interface RetryFilter {
  readonly reason?: ReauthorizationReason;
  readonly userId?: string;
  /** Given up at this moment or later; milliseconds since the epoch. */
  readonly since?: number;
}

/** What became of grants that were to be tried once more. */
export interface RetryCounts {
  readonly scheduled: number;
  /** No token is kept any more: it was wiped after 30 days. Only their users can revive them. */
  readonly without_token: number;
  /** Their answer is kept: see `grants reread`. */
  readonly held: number;
  /** Being tried at this moment. */
  readonly under_way: number;
}

/** What operators do to grants from the command line. */
@Injectable()
export class OperatorStore {
  constructor(private readonly database: Database) {}

  /**
   * Stores grants from elsewhere, all or none. No two of them may have the same name. What is
   * replaced is not revoked: it may be of the same consent, which some providers end as a whole.
   *
   * @throws StorageUnavailableError; whether they are stored can be found out by trying again
   */
  async import(grants: readonly ImportedGrant[], replace: boolean): Promise<ImportCounts> {
    return this.database.transaction(async (query) => {
      // Read by the trigger that writes the events, which are not to be sent for these.
      await query(`SELECT set_config('stitch_vault.origin', 'import', true)`);
      const [counts] = await query<ImportCounts>(
        importSql(replace ? REPLACE : 'DO NOTHING'),
        CONSENTED_ROWS.arrays(grants.map((grant) => ({ ...grant, subject: null }))),
        TIMEOUT_MS,
      );
      if (!counts) throw new Error('an import was not counted');
      await this.reopen(query, grants);
      return counts;
    });
  }

  /**
   * A line that is imported once more after its grant was deleted has the same consent again. Only a
   * role that may delete from this table can do that: that of the vault can't.
   */
  private async reopen(query: Query, grants: readonly ImportedGrant[]): Promise<void> {
    const ended = await query<{ id: string }>(
      `SELECT e.grant_id AS id FROM stitch_ended_consents e
       JOIN unnest($1::uuid[], $2::text[], $3::text[], $4::text[])
         AS r(grant_id, provider, user_id, connection) USING (grant_id)
       JOIN stitch_grants g USING (grant_id, provider, user_id, connection)`,
      [
        grants.map(({ grantId }) => grantId),
        grants.map(({ provider }) => provider),
        grants.map(({ userId }) => userId),
        grants.map(({ connection }) => connection),
      ],
      TIMEOUT_MS,
    );
    if (ended.length === 0) return;
    await query('DELETE FROM stitch_ended_consents WHERE grant_id = ANY($1::uuid[])', [
      ended.map(({ id }) => id),
    ]);
  }

  /**
   * Schedules grants in `reauthorization_required` once more with the refresh token that they had,
   * after a provider refused them by mistake. A grant whose token works is active again; one that
   * is refused stays as it is. A grant whose answer is held is not tried: its token has been used.
   *
   * @returns how many are tried, and how many are not and why
   */
  async retry(filter: RetryFilter): Promise<RetryCounts> {
    const [counts] = await this.database.query<RetryCounts>(
      `WITH asked AS (SELECT provider, user_id, connection,
           CASE WHEN held_at IS NOT NULL THEN 'held'
             WHEN refresh_token IS NULL OR retired_at <= now() - interval '${RETRIABLE_FOR}'
               THEN 'without_token'
             WHEN lease_owner IS NOT NULL THEN 'under_way' ELSE 'scheduled' END AS outcome
         FROM stitch_grants WHERE status = 'reauthorization_required'
           AND ($1::text IS NULL OR reason = $1) AND ($2::text IS NULL OR user_id = $2)
           AND ($3::float8 IS NULL OR retired_at >= to_timestamp($3 / 1000.0))
         FOR UPDATE),
       due AS (UPDATE stitch_grants g SET refresh_due_at = now() FROM asked k
         WHERE k.outcome = 'scheduled' AND ${SAME_GRANT})
       SELECT count(*) FILTER (WHERE outcome = 'scheduled')::int AS scheduled,
         count(*) FILTER (WHERE outcome = 'without_token')::int AS without_token,
         count(*) FILTER (WHERE outcome = 'held')::int AS held,
         count(*) FILTER (WHERE outcome = 'under_way')::int AS under_way
       FROM asked`,
      [filter.reason ?? null, filter.userId ?? null, filter.since ?? null],
      TIMEOUT_MS,
    );
    return counts ?? { scheduled: 0, without_token: 0, held: 0, under_way: 0 };
  }

  /**
   * Puts a grant that can be refreshed, or a suspended one that can be checked, at the head of the
   * schedule; not one that a process is refreshing already.
   *
   * @returns whether it was
   */
  async makeDue(key: GrantKey): Promise<boolean> {
    const rows = await this.database.query(
      `UPDATE stitch_grants SET refresh_due_at = now()
       WHERE provider = $1 AND user_id = $2 AND connection = $3 AND lease_owner IS NULL
         AND (status = 'suspended' OR (status = 'active' AND refresh_token IS NOT NULL))
       RETURNING 1`,
      [key.provider, key.userId, key.connection],
    );
    return rows.length > 0;
  }
}
