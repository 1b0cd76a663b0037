import type { TestDatabase } from './database.js';
import { eventually } from './wait.js';

/** What the table says of sending an event. */
export interface OutboxRow {
  event_id: string;
  attempts: number;
  pending: boolean;
  delivered: boolean;
  last_error: string | null;
}

/** All events, oldest first. */
export const outboxOf = (database: TestDatabase): Promise<OutboxRow[]> =>
  database.query<OutboxRow>(
    `SELECT event_id, attempts, due_at IS NOT NULL AS pending, last_error,
       delivered_at IS NOT NULL AS delivered FROM stitch_events ORDER BY id`,
  );

/** Waits until nothing is left to deliver. */
export const allDelivered = (database: TestDatabase): Promise<boolean> =>
  eventually('everything is delivered', async () =>
    (await outboxOf(database)).every(({ delivered }) => delivered),
  );

/**
 * Grants of `user-<from>` to `user-<to>`, by SQL: their events come from the table, whoever writes
 * it. What stands for their tokens names the key that all vaults of the tests have.
 */
export const insertGrants = (database: TestDatabase, from: number, to: number): Promise<unknown> =>
  database.query(
    `INSERT INTO stitch_grants (provider, user_id, connection, grant_id, status, access_token,
       scope, obtained_at)
     SELECT 'stitch-money', 'user-' || n, 'default', gen_random_uuid(), 'active',
       '\\x010474657374', 'openid', now() FROM generate_series($1::int, $2::int) n`,
    [from, to],
  );
