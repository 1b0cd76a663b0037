import { Injectable } from '@nestjs/common';
import { AfterStepBack, Database, DatabaseClock } from '../database/index.js';
import { AUTHENTIC, EventAuthenticity } from './event-authenticity.js';
import type { VouchedEvent } from './event-authenticity.js';
import { TOLD, WORTH_SENDING } from './event.js';
import type { ClaimedEvent } from './event.js';

/** How long an event is kept to be read. */
const RETENTION = `interval '30 days'`;
/** Rows that one statement gives up or deletes, so that none of them is long. */
const BATCH = 1000;

/** The outbox: which events are still to be sent. A row with `due_at` null is done with. */
@Injectable()
export class EventOutboxStore {
  /** Nothing waits for a time that the clock had shown before it was set back. */
  private readonly hurrying: AfterStepBack;

  constructor(
    private readonly database: Database,
    private readonly authenticity: EventAuthenticity,
    clock: DatabaseClock,
  ) {
    this.hurrying = new AfterStepBack(clock, async () => {
      await database.query('UPDATE stitch_events SET due_at = now() WHERE due_at > now()');
    });
  }

  /** Takes what is due, oldest first, for `lease` milliseconds: after that it is due again. */
  async claim(limit: number, lease: number): Promise<ClaimedEvent[]> {
    await this.hurrying.run();
    await this.authenticity.vouch();
    const rows = await this.database.query<ClaimedEvent & VouchedEvent>(
      `UPDATE stitch_events e
       SET due_at = now() + $2 * interval '1 millisecond', attempts = e.attempts + 1
       FROM (SELECT id FROM stitch_events
             WHERE due_at <= now() AND created_at > now() - ${WORTH_SENDING}
               AND length(mac) > 0
             ORDER BY due_at, id LIMIT $1 FOR UPDATE SKIP LOCKED) due
       WHERE e.id = due.id
       RETURNING ${TOLD.selected('e')}, e.id, e.attempts, ${AUTHENTIC}`,
      [limit, lease],
    );
    return inOrder(await this.authenticity.sift(rows));
  }

  async delivered(id: string): Promise<void> {
    await this.database.query(
      `UPDATE stitch_events SET due_at = NULL, delivered_at = now(), last_error = NULL
       WHERE id = $1`,
      [id],
    );
  }

  /**
   * Notes an attempt that failed. Only the attempt that was the last one counts: the outcome of an
   * earlier one, whose lease ran out meanwhile, changes nothing.
   *
   * @param retryIn milliseconds; null gives the event up
   */
  async failed(event: ClaimedEvent, error: string, retryIn: number | null): Promise<void> {
    await this.database.query(
      `UPDATE stitch_events SET last_error = $3, due_at = now() + $4 * interval '1 millisecond'
       WHERE id = $1 AND attempts = $2 AND delivered_at IS NULL`,
      [event.id, event.attempts, error, retryIn],
    );
  }

  /** Gives up what could not be delivered for three days. @returns how many */
  async expire(): Promise<number> {
    return this.inBatches(
      `UPDATE stitch_events SET due_at = NULL, last_error = coalesce(last_error, 'not_sent')
       WHERE id IN (SELECT id FROM stitch_events
         WHERE due_at IS NOT NULL AND created_at <= now() - ${WORTH_SENDING}
         ORDER BY due_at LIMIT ${BATCH} FOR UPDATE SKIP LOCKED) RETURNING 1`,
    );
  }

  /** Deletes events that are a month old. @returns how many */
  async purge(): Promise<number> {
    return this.inBatches(
      `DELETE FROM stitch_events WHERE id IN (SELECT id FROM stitch_events
         WHERE created_at < now() - ${RETENTION}
         ORDER BY created_at LIMIT ${BATCH} FOR UPDATE SKIP LOCKED) RETURNING 1`,
    );
  }

  /** How many wait to be sent, and for how many seconds the oldest has. */
  async backlog(): Promise<{ count: number; age: number }> {
    const [row] = await this.database.query<{ count: number; age: number | null }>(
      `SELECT count(*)::int AS count, extract(epoch FROM now() - min(created_at))::numeric AS age
       FROM stitch_events WHERE due_at IS NOT NULL`,
    );
    return { count: row?.count ?? 0, age: row?.age ?? 0 };
  }

  private async inBatches(sql: string): Promise<number> {
    for (let total = 0; ;) {
      const { length } = await this.database.query(sql);
      total += length;
      if (length < BATCH) return total;
    }
  }
}

/** Claimed events, oldest first. */
export const inOrder = (claimed: readonly ClaimedEvent[]): ClaimedEvent[] =>
  [...claimed].sort((a, b) => Number(BigInt(a.id) - BigInt(b.id)));
