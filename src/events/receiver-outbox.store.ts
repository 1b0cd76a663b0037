import type { EventType } from '../common/index.js';
import { AfterStepBack } from '../database/index.js';
import type { Database, DatabaseClock } from '../database/index.js';
import { AUTHENTIC } from './event-authenticity.js';
import type { EventAuthenticity, VouchedEvent } from './event-authenticity.js';
import { inOrder } from './event-outbox.store.js';
import { TOLD, WORTH_SENDING } from './event.js';
import type { ClaimedEvent } from './event.js';
import type { EventLogStore } from './event-log.store.js';

/** Events that one statement looks at or gives up, so that none of them is long. */
const BATCH = 500;

/**
 * $1: receiver, $2: its place in the log, $3: the types that it wants, or null for all, $4: at most
 * so many. What an import brought is in the log and is not sent. An event that nobody has vouched for
 * yet is waited for, and with it those behind it; one that was refused is passed over.
 */
const SPREAD = `
  WITH next AS (
    SELECT id, position, type, data, created_at, mac FROM stitch_events
    WHERE position > $2 AND position < coalesce((SELECT min(u.position) FROM stitch_events u
      WHERE u.mac IS NULL AND u.data->>'reason' IS DISTINCT FROM 'imported'
        AND u.created_at > now() - ${WORTH_SENDING} AND u.position > $2), 9223372036854775807)
    ORDER BY position LIMIT $4),
  added AS (
    INSERT INTO stitch_webhook_deliveries (event, receiver)
    SELECT id, $1 FROM next
    WHERE ($3::text[] IS NULL OR type = ANY($3)) AND data->>'reason' IS DISTINCT FROM 'imported'
      AND created_at > now() - ${WORTH_SENDING} AND length(mac) > 0
    ON CONFLICT DO NOTHING)
  UPDATE stitch_webhook_receivers SET position = (SELECT max(position) FROM next)
  WHERE name = $1 AND EXISTS (SELECT 1 FROM next)
  RETURNING (SELECT count(*)::int FROM next) AS count`;

/** What is still to be sent to one further receiver. Only that has a row. */
export class ReceiverOutbox {
  private known = false;
  /** Nothing waits for a time that the clock had shown before it was set back. */
  private readonly hurrying: AfterStepBack;

  /** @param types undefined: every type */
  constructor(
    private readonly database: Database,
    private readonly log: EventLogStore,
    private readonly authenticity: EventAuthenticity,
    readonly name: string,
    private readonly types: readonly EventType[] | undefined,
    clock: DatabaseClock,
  ) {
    this.hurrying = new AfterStepBack(clock, async () => {
      await database.query(
        'UPDATE stitch_webhook_deliveries SET due_at = now() WHERE receiver = $1 AND due_at > now()',
        [name],
      );
    });
  }

  /** Takes what is due, oldest first, for `lease` milliseconds: after that it is due again. */
  async claim(limit: number, lease: number): Promise<ClaimedEvent[]> {
    await this.hurrying.run();
    await this.spread();
    const rows = await this.database.query<ClaimedEvent & VouchedEvent>(
      `UPDATE stitch_webhook_deliveries d
       SET due_at = now() + $3 * interval '1 millisecond', attempts = d.attempts + 1
       FROM (SELECT w.event, w.receiver FROM stitch_webhook_deliveries w
             WHERE w.receiver = $1 AND w.due_at <= now()
             ORDER BY w.due_at, w.event LIMIT $2 FOR UPDATE SKIP LOCKED) due
       JOIN stitch_events e ON e.id = due.event
       WHERE d.event = due.event AND d.receiver = due.receiver
       RETURNING ${TOLD.selected('e')}, e.id, d.attempts, ${AUTHENTIC}`,
      [this.name, limit, lease],
    );
    const genuine = await this.authenticity.sift(rows);
    // What was changed since it was vouched for is sent to nobody.
    for (const { id } of rows.filter((row) => !genuine.includes(row))) await this.forget(id);
    return inOrder(genuine);
  }

  async delivered(id: string): Promise<void> {
    await this.forget(id);
  }

  /**
   * Notes an attempt that failed. Only the attempt that was the last one counts.
   *
   * @param retryIn milliseconds; null gives the event up
   */
  async failed(event: ClaimedEvent, error: string, retryIn: number | null): Promise<void> {
    if (retryIn === null) {
      await this.forget(event.id);
      return;
    }
    await this.database.query(
      `UPDATE stitch_webhook_deliveries
       SET last_error = $4, due_at = now() + $5 * interval '1 millisecond'
       WHERE event = $1 AND receiver = $2 AND attempts = $3`,
      [event.id, this.name, event.attempts, error, retryIn],
    );
  }

  /** Gives up what could not be delivered for three days. @returns how many */
  async expire(): Promise<number> {
    for (let total = 0; ;) {
      const { length } = await this.database.query(
        `DELETE FROM stitch_webhook_deliveries d USING (
           SELECT w.event, w.receiver FROM stitch_webhook_deliveries w
           JOIN stitch_events e ON e.id = w.event
           WHERE w.receiver = $1 AND e.created_at <= now() - ${WORTH_SENDING}
           LIMIT $2 FOR UPDATE OF w SKIP LOCKED) old
         WHERE d.event = old.event AND d.receiver = old.receiver RETURNING 1`,
        [this.name, BATCH],
      );
      total += length;
      if (length < BATCH) return total;
    }
  }

  /** How many wait to be sent, and for how many seconds the oldest has. */
  async backlog(): Promise<{ count: number; age: number }> {
    const [row] = await this.database.query<{ count: number; age: number | null }>(
      `SELECT count(*)::int AS count, extract(epoch FROM now() - min(e.created_at)) AS age
       FROM stitch_webhook_deliveries d JOIN stitch_events e ON e.id = d.event
       WHERE d.receiver = $1`,
      [this.name],
    );
    return { count: row?.count ?? 0, age: row?.age ?? 0 };
  }

  private async forget(id: string): Promise<void> {
    await this.database.query(
      'DELETE FROM stitch_webhook_deliveries WHERE event = $1 AND receiver = $2',
      [id, this.name],
    );
  }

  /**
   * Gives the receiver its share of what has happened since its place in the log, in one
   * transaction with the new place: no event is left out and none comes twice, whichever replica
   * does it. A receiver that is new begins with what happens from now on.
   */
  private async spread(): Promise<void> {
    await this.log.place();
    await this.authenticity.vouch();
    if (!this.known) {
      await this.database.query(
        `INSERT INTO stitch_webhook_receivers (name, position)
         SELECT $1, coalesce(max(position), 0) FROM stitch_events ON CONFLICT DO NOTHING`,
        [this.name],
      );
      this.known = true;
    }
    await this.database.transaction(async (query) => {
      // Another replica that is at it does it for all.
      const [row] = await query<{ position: string }>(
        `SELECT position FROM stitch_webhook_receivers WHERE name = $1 FOR UPDATE SKIP LOCKED`,
        [this.name],
      );
      if (row) await query(SPREAD, [this.name, row.position, this.types ?? null, BATCH]);
    });
  }
}
