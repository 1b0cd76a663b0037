import { Injectable } from '@nestjs/common';
import { Database } from '../database/index.js';

/** Grants that one statement announces, so that none of them is long. */
const BATCH = 500;

/**
 * Notes the end of grants that come to it soon, with an event by trigger. The condition is looked at
 * again after the row is locked: of two replicas that see the same grant one announces it.
 *
 * @param end when a grant ends, in SQL. $1: provider, $2: milliseconds ahead, $3: at most so many
 */
const announce = (end: string, condition: string): string => `
  UPDATE stitch_grants g SET announced_end = ${end}
  FROM (SELECT provider, user_id, connection FROM stitch_grants g
    WHERE provider = $1 AND status = 'active' AND ${condition}
      AND ${end} > now() AND ${end} <= now() + $2 * interval '1 millisecond'
      AND announced_end IS DISTINCT FROM ${end}
    LIMIT $3 FOR UPDATE SKIP LOCKED) k
  WHERE g.provider = k.provider AND g.user_id = k.user_id AND g.connection = k.connection
  RETURNING 1`;

const WITHOUT_REFRESH = announce(
  'g.expires_at',
  'refresh_token IS NULL AND expires_at IS NOT NULL',
);
/**
 * A grant whose access token is not due was used of late; the others are few where everything is
 * kept fresh, and the index has them.
 */
const UNUSED = announce(
  `(g.obtained_at + $4 * interval '1 second')`,
  'refresh_token IS NOT NULL AND refresh_due_at < now()',
);

/** Announces that grants come to their end. */
@Injectable()
export class EndingStore {
  constructor(private readonly database: Database) {}

  /**
   * Announces the grants of a provider that end soon: those that can't be refreshed, and those
   * whose refresh token dies of disuse. Once for each end, whatever restarts or other replicas do.
   *
   * @param aheadMs how long before the end
   * @param idleSeconds for how long a refresh token lives unused; null: for ever
   * @returns how many were announced
   * @throws StorageUnavailableError
   */
  async announce(provider: string, aheadMs: number, idleSeconds: number | null): Promise<number> {
    const parameters = [provider, aheadMs, BATCH];
    const alone = await this.inBatches(WITHOUT_REFRESH, parameters);
    if (idleSeconds === null) return alone;
    return alone + (await this.inBatches(UNUSED, [...parameters, idleSeconds]));
  }

  private async inBatches(sql: string, parameters: readonly unknown[]): Promise<number> {
    for (let total = 0; ;) {
      const { length } = await this.database.query(sql, [...parameters]);
      total += length;
      if (length < BATCH) return total;
    }
  }
}
