import { Injectable } from '@nestjs/common';
import { Database } from '../database/index.js';
import type { Query } from '../database/index.js';
import type { EventType } from '../common/index.js';
import { TOLD } from './event.js';
import type { PlacedEvent } from './event.js';

/** An arbitrary constant that every replica agrees on: the advisory lock of the log's end. */
const LOG_END_LOCK = 7_146_210_002;
/** Events that are given a position in one transaction: more than fit on a page. */
const PLACED_AT_ONCE = 1000;

/** Where to read on: after a position, or after the event of an id. */
export type LogPlace = { readonly position: string } | { readonly eventId: string };

/** Reads the log of events in an order in which nothing appears later at an earlier place. */
@Injectable()
export class EventLogStore {
  constructor(private readonly database: Database) {}

  /**
   * The events after a place, oldest first. Whoever goes on from the last one it got misses none,
   * also while others write; an empty page means that there was no more when the call began.
   *
   * @param after undefined: from the oldest that is kept
   * @param userId of this user only; undefined: of all
   * @returns undefined where `after` names an event that is not kept
   * @throws StorageUnavailableError
   */
  async page(
    after: LogPlace | undefined,
    limit: number,
    userId?: string,
  ): Promise<PlacedEvent[] | undefined> {
    // First the places, then the reading: whatever was committed before this call has a place by
    // now, whoever gave it, or comes behind a full page. The other way round a page could end before
    // events that another reader's call placed in between, and look like the end of the log.
    await this.place();
    const position = await this.positionOf(after);
    return position === undefined ? undefined : this.read(position, limit, userId);
  }

  /**
   * Whether a grant of this name was linked, or deleted, after a moment, in milliseconds since the
   * epoch by the database's clock. Read in the caller's transaction.
   */
  async toldSince(
    query: Query,
    type: Extract<EventType, 'grant.linked' | 'grant.deleted'>,
    name: { readonly provider: string; readonly userId: string; readonly connection: string },
    sinceMs: number,
  ): Promise<boolean> {
    const rows = await query(
      `SELECT 1 FROM stitch_events
       WHERE provider = $1 AND user_id = $2 AND connection = $3 AND type = $4
         AND created_at > to_timestamp($5 / 1000.0) LIMIT 1`,
      [name.provider, name.userId, name.connection, type, sinceMs],
    );
    return rows.length > 0;
  }

  private async positionOf(after: LogPlace | undefined): Promise<string | undefined> {
    if (after === undefined) return '0';
    if ('position' in after) return after.position;
    for (;;) {
      const [row] = await this.database.query<{ position: string | null }>(
        'SELECT position FROM stitch_events WHERE event_id = $1',
        [after.eventId],
      );
      if (!row) return undefined;
      if (row.position !== null) return row.position;
      // Written since, or so many wait for their places that its turn has not come.
      await this.place();
    }
  }

  private read(
    position: string,
    limit: number,
    userId: string | undefined,
  ): Promise<PlacedEvent[]> {
    return this.database.query<PlacedEvent>(
      `SELECT ${TOLD.selected('e')}, e.position FROM stitch_events e
       WHERE e.position > $1 AND ($3::text IS NULL OR e.user_id = $3) ORDER BY e.position LIMIT $2`,
      [position, limit, userId ?? null],
    );
  }

  /**
   * Gives positions to events that have none, in the order in which they happened. Of two changes
   * of one grant the later one has the higher `id`, because it had to wait for the row. The lock is
   * held until the commit, so positions become visible in ascending order.
   */
  async place(): Promise<void> {
    const [row] = await this.database.query<{ found: boolean }>(
      'SELECT EXISTS (SELECT 1 FROM stitch_events WHERE position IS NULL) AS found',
    );
    if (!row?.found) return;
    await this.database.transaction(async (query) => {
      // A statement of its own: the next one must see what the holder before has committed.
      await query('SELECT pg_advisory_xact_lock($1)', [LOG_END_LOCK]);
      await query(
        `UPDATE stitch_events e SET position = placed.position
         FROM (SELECT id, nextval('stitch_events_position_seq') AS position FROM (
                 SELECT id FROM stitch_events WHERE position IS NULL ORDER BY id LIMIT $1) next
              ) placed
         WHERE e.id = placed.id`,
        [PLACED_AT_ONCE],
      );
    });
  }
}
