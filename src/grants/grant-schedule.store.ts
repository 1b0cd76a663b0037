import { Injectable } from '@nestjs/common';
import { Database } from '../database/index.js';
import { LOCKED, UNLOCKED } from './grant-sql.js';
import type { GrantKey } from './grant.js';

/** For statements that read the whole table. */
const TABLE_SCAN_TIMEOUT_MS = 60_000;

/** When grants are due, as far as something else than a rotation decides it. */
@Injectable()
export class GrantScheduleStore {
  constructor(private readonly database: Database) {}

  /**
   * After the database's clock was set back: what was obtained in its future is due now, for nobody
   * knows how long that token lives, and leases end when they would have.
   *
   * @param lease milliseconds, the longest that a lease lasts
   * @returns how many
   */
  async mendTimes(lease: number): Promise<number> {
    const rows = await this.database.query(
      `UPDATE stitch_grants g SET
         lease_expires_at = CASE WHEN g.lease_owner IS NOT NULL THEN
           least(g.lease_expires_at, now() + $1 * interval '1 millisecond') END,
         refresh_due_at = CASE WHEN g.lease_owner IS NULL THEN now()
           ELSE least(g.refresh_due_at, now() + $1 * interval '1 millisecond') END
       WHERE (g.obtained_at > now() + interval '5 seconds'
           OR g.rotation_started_at > now() + interval '5 seconds')
         AND g.refresh_due_at > now() AND g.status = 'active' AND g.refresh_token IS NOT NULL
       RETURNING 1`,
      [lease],
      TABLE_SCAN_TIMEOUT_MS,
    );
    return rows.length;
  }

  /**
   * Puts active grants on the schedule that are not on it. Reads the whole table: once per start.
   *
   * @param lead milliseconds before expiry at which a grant is due
   * @param activeWindow milliseconds since the last read, or null for all
   * @returns how many
   */
  async reschedule(lead: number, activeWindow: number | null): Promise<number> {
    const rows = await this.database.query(
      `UPDATE stitch_grants g
       SET refresh_due_at = g.expires_at - $1 * (0.75 + random() / 4) * interval '1 millisecond'
       WHERE g.refresh_due_at IS NULL AND g.status = 'active' AND g.refresh_token IS NOT NULL
         AND g.expires_at IS NOT NULL
         AND ($2::float8 IS NULL OR g.last_read_at > now() - $2 * interval '1 millisecond')
       RETURNING 1`,
      [lead, activeWindow],
      TABLE_SCAN_TIMEOUT_MS,
    );
    return rows.length;
  }

  /**
   * Notes that grants were read, and puts those on the schedule again that had been left off it
   * for want of readers.
   *
   * @param lead milliseconds before expiry at which a grant put back is due
   * @returns those that could not be noted now, because somebody has their rows locked
   */
  async touch(
    reads: readonly (GrantKey & { at: number })[],
    lead: number,
  ): Promise<readonly GrantKey[]> {
    return this.database.query<GrantKey>(
      `WITH r AS (SELECT u.provider, u.user_id, u.connection, to_timestamp(u.at / 1000.0) AS at
         FROM unnest($1::text[], $2::text[], $3::text[], $4::float8[])
           AS u(provider, user_id, connection, at)),
       unlocked AS MATERIALIZED (${UNLOCKED}),
       written AS (
       UPDATE stitch_grants g SET last_read_at = greatest(g.last_read_at, r.at),
         refresh_due_at = CASE WHEN $6 AND g.refresh_due_at IS NULL AND g.status = 'active'
             AND g.refresh_token IS NOT NULL AND g.expires_at IS NOT NULL
           THEN g.expires_at - $5 * interval '1 millisecond' ELSE g.refresh_due_at END
       FROM r JOIN unlocked USING (provider, user_id, connection)
       WHERE g.provider = r.provider AND g.user_id = r.user_id AND g.connection = r.connection)
       SELECT provider, user_id AS "userId", connection FROM (${LOCKED}) locked`,
      [
        reads.map(({ provider }) => provider),
        reads.map(({ userId }) => userId),
        reads.map(({ connection }) => connection),
        reads.map(({ at }) => at),
        lead,
        lead > 0,
      ],
    );
  }

  /**
   * Ends tokens that will be dead when the clock shows the time of their being obtained once more:
   * they would seem to be new then. One that was obtained this moment may be ended as well,
   * and is refreshed when it is read. Repeating it changes nothing.
   *
   * They end some seconds before they were obtained: a reader calls no token dead for having been
   * obtained a few seconds from now.
   *
   * @param by milliseconds by which the clock was set back
   */
  async endThoseOfTheFuture(by: number): Promise<void> {
    await this.database.query(
      `UPDATE stitch_grants SET expires_at = obtained_at - interval '10 seconds'
       WHERE obtained_at > now() AND expires_at > obtained_at
         AND expires_at - obtained_at <= $1 * interval '1 millisecond'`,
      [by],
      TABLE_SCAN_TIMEOUT_MS,
    );
  }
}
