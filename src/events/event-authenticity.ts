import { Injectable } from '@nestjs/common';
import { AuditKeyStore, GrantChanges } from '../audit/index.js';
import type { AuditKey, GrantChange } from '../audit/index.js';
import { EVENT_TYPES, Log } from '../common/index.js';
import type { EventType } from '../common/index.js';
import { Database } from '../database/index.js';
import type { Query } from '../database/index.js';
import { Metrics } from '../metrics/index.js';
import { WORTH_SENDING } from './event.js';

/** Events that are vouched for in one transaction. */
const BATCH = 500;
const LABEL = 'stitch_events';

/** SQL: what of the event `e` its MAC is over, as an array of texts, and the MAC. */
export const AUTHENTIC = `ARRAY[e.event_id::text, e.type, e.provider, e.user_id, e.connection,
  e.data::text] AS authentic, e.mac`;

/** What of an event says whether it may be sent. */
export interface VouchedEvent {
  readonly eventId: string;
  readonly type: EventType;
  readonly authentic: readonly string[];
  readonly mac: Buffer | null;
}

type Unvouched = VouchedEvent & Omit<GrantChange, 'type'> & { readonly id: string };

/** What the audit calls the changes that are in both: their rows are of one transaction. */
const CHANGES: Partial<Record<EventType, GrantChange['type']>> = {
  'grant.linked': 'grant.linked',
  'grant.deleted': 'grant.deleted',
  'grant.reauthorization_required': 'grant.lost',
  'grant.suspended': 'grant.suspended',
};

/**
 * Vouches for events that triggers have written, once the audit agrees, and tells those from what
 * somebody has made up or changed by SQL: that is sent to nobody.
 */
@Injectable()
export class EventAuthenticity {
  private key: AuditKey | undefined;

  constructor(
    private readonly database: Database,
    private readonly keys: AuditKeyStore,
    private readonly changes: GrantChanges,
    private readonly log: Log,
    private readonly metrics: Metrics,
  ) {}

  /**
   * Vouches for all events that are still worth sending and that nobody has vouched for.
   *
   * @throws StorageUnavailableError, AuditKeyError
   */
  async vouch(): Promise<void> {
    for (let count = BATCH; count === BATCH;) {
      count = await this.database.transaction(async (query) => {
        const key = await this.vouchingKey(query);
        if (!key) return 0;
        const found = await unvouched(query);
        if (found.length > 0) await this.vouchFor(query, key, found);
        return found.length;
      });
    }
  }

  /**
   * The events that are as they were vouched for. The others are reported, and never taken again.
   *
   * @throws StorageUnavailableError
   */
  async sift<T extends VouchedEvent & { readonly id: string }>(events: readonly T[]): Promise<T[]> {
    const genuine = events.filter(
      ({ authentic, mac }) => this.key?.isTagOfRow(LABEL, authentic, mac) ?? false,
    );
    if (genuine.length === events.length) return genuine;
    const altered = events.filter((event) => !genuine.includes(event));
    for (const event of altered) this.refuse(event, 'altered');
    await this.database.query(
      `UPDATE stitch_events SET mac = '', due_at = NULL WHERE id = ANY($1::bigint[])`,
      [altered.map(({ id }) => id)],
    );
    return genuine;
  }

  private async vouchFor(query: Query, key: AuditKey, events: readonly Unvouched[]): Promise<void> {
    const asChanges = events.flatMap((event, place) => {
      const type = CHANGES[event.type];
      return type ? [{ ...event, type, place }] : [];
    });
    const found = await this.changes.among(query, asChanges);
    const invented = new Set(
      asChanges.filter((_, index) => !found.has(index)).map(({ place }) => place),
    );
    events.forEach(({ type }, place) => {
      if (!EVENT_TYPES.includes(type)) invented.add(place);
    });
    events.forEach((event, place) => {
      if (invented.has(place)) this.refuse(event, 'not_in_audit');
    });
    await query(
      `UPDATE stitch_events e SET mac = r.mac,
         due_at = CASE WHEN length(r.mac) = 0 THEN NULL ELSE e.due_at END
       FROM unnest($1::bigint[], $2::bytea[]) AS r(id, mac) WHERE e.id = r.id`,
      [
        events.map(({ id }) => id),
        events.map(({ authentic }, place) =>
          invented.has(place) ? Buffer.of() : key.tagOfRow(LABEL, authentic),
        ),
      ],
    );
  }

  private refuse({ eventId, type }: VouchedEvent, reason: string): void {
    this.metrics.refusedEvents.inc();
    this.log.event('error', 'event.refused', { event_id: eventId, type, reason });
  }

  /** Read once: whoever takes the key away takes it from the processes that start later. */
  private async vouchingKey(query: Query): Promise<AuditKey | undefined> {
    this.key ??= await this.keys.vouching(query);
    return this.key;
  }
}

/** Locked: of two replicas each vouches for its own. */
const unvouched = (query: Query): Promise<Unvouched[]> =>
  query<Unvouched>(
    `SELECT e.id, e.event_id AS "eventId", e.type, e.provider, e.user_id AS "userId", e.connection,
       (extract(epoch FROM e.created_at) * 1000000)::bigint::text AS at, ${AUTHENTIC}
     FROM stitch_events e
     WHERE e.mac IS NULL AND e.data->>'reason' IS DISTINCT FROM 'imported'
       AND e.created_at > now() - ${WORTH_SENDING}
     ORDER BY e.created_at LIMIT ${String(BATCH)} FOR UPDATE SKIP LOCKED`,
  );
