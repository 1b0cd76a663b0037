import { Injectable } from '@nestjs/common';
import { Database } from '../database/index.js';
import type { Query } from '../database/index.js';
import type { AuditRow } from './audit-event.js';

/** An arbitrary constant that every replica agrees on: an advisory lock. */
const MARK_LOCK = 7_146_210_005;

/** Notes that are looked at for one that is genuine. */
const NOTES_AT_ONCE = 20;
/** Milliseconds for statements that look at many rows. */
const SCAN_TIMEOUT_MS = 60_000;

const COLUMNS = `position::numeric AS position, (extract(epoch FROM at) * 1000000)::bigint::text AS at,
  type, client, provider, user_id AS "userId", connection, version::numeric AS version,
  count::numeric AS count, outcome, request_id AS "requestId", data, chain::numeric AS chain,
  sequence::numeric AS sequence, previous::numeric AS previous, key, mac`;

/** Which events to list; everything when empty. */
export interface AuditFilter {
  readonly userId?: string;
  readonly client?: string;
  readonly provider?: string;
  readonly type?: string;
}

/**
 * Reads of `audit_events` as a whole: of all chains, and of what triggers wrote. Rows are added by
 * {@link ChainStore} and by triggers, removed by {@link prune}, and changed by nobody.
 */
@Injectable()
export class AuditStore {
  constructor(private readonly database: Database) {}

  /** Whether this transaction is the one that looks after the whole audit now. */
  async tryMarkLock(query: Query): Promise<boolean> {
    const [row] = await query<{ locked: boolean }>(
      'SELECT pg_try_advisory_xact_lock($1) AS locked',
      [MARK_LOCK],
    );
    return row?.locked ?? false;
  }

  /** The highest position below which nobody is writing any more. */
  async horizon(query: Query = this.database.query): Promise<number> {
    const [row] = await query<{ horizon: number }>('SELECT audit_horizon()::numeric AS horizon');
    return row?.horizon ?? 0;
  }

  /** The highest position of a row that is there. */
  async newestPosition(): Promise<number> {
    const [row] = await this.database.query<{ newest: number | null }>(
      'SELECT max(position)::numeric AS newest FROM audit_events',
    );
    return row?.newest ?? 0;
  }

  /** The newest notes of a type, newest first. */
  newestNotes(
    type: 'audit.mark' | 'audit.pruned',
    query: Query = this.database.query,
  ): Promise<AuditRow[]> {
    return query<AuditRow>(
      `SELECT ${COLUMNS} FROM audit_events WHERE type = '${type}'
       ORDER BY position DESC LIMIT ${String(NOTES_AT_ONCE)}`,
    );
  }

  /** The newest marks that were written more than so many days ago, newest first. */
  marksBefore(days: number, query: Query = this.database.query): Promise<AuditRow[]> {
    return query<AuditRow>(
      `SELECT ${COLUMNS} FROM audit_events
       WHERE type = 'audit.mark' AND at < now() - $1 * interval '1 day'
       ORDER BY at DESC LIMIT ${String(NOTES_AT_ONCE)}`,
      [days],
    );
  }

  /** Rows of triggers that nobody vouches for yet, oldest first. */
  loose(query: Query, after: number, through: number, limit: number): Promise<AuditRow[]> {
    return query<AuditRow>(
      `SELECT ${COLUMNS} FROM audit_events
       WHERE mac IS NULL AND position > $1 AND position <= $2 ORDER BY position LIMIT $3`,
      [after, through, limit],
    );
  }

  /** Whether anything but notes stands after a position. */
  async hasEvents(query: Query, after: number): Promise<boolean> {
    const rows = await query(
      `SELECT 1 FROM audit_events WHERE position > $1 AND type NOT LIKE 'audit.%' LIMIT 1`,
      [after],
    );
    return rows.length > 0;
  }

  async count(query: Query, after: number, through: number): Promise<number> {
    const [row] = await query<{ count: number }>(
      `SELECT count(*)::numeric AS count FROM audit_events WHERE position > $1 AND position <= $2`,
      [after, through],
      SCAN_TIMEOUT_MS,
    );
    return row?.count ?? 0;
  }

  /** Rows in the order of their positions, everything. */
  rows(after: number, through: number, limit: number): Promise<AuditRow[]> {
    return this.database.query<AuditRow>(
      `SELECT ${COLUMNS} FROM audit_events WHERE position > $1 AND position <= $2
       ORDER BY position LIMIT $3`,
      [after, through, limit],
      SCAN_TIMEOUT_MS,
    );
  }

  /** A page of events, oldest first; with `newest` the last ones before the horizon. */
  async page(
    filter: AuditFilter,
    after: number,
    limit: number,
    newest = false,
  ): Promise<AuditRow[]> {
    const through = await this.horizon();
    const conditions = [`position > $1`, 'position <= $2', `type NOT LIKE 'audit.%'`];
    const parameters: unknown[] = [after, through, limit];
    for (const [column, value] of [
      ['user_id', filter.userId],
      ['client', filter.client],
      ['provider', filter.provider],
      ['type', filter.type],
    ] as const) {
      if (value === undefined) continue;
      parameters.push(value);
      conditions.push(`${column} = $${String(parameters.length)}`);
    }
    const rows = await this.database.query<AuditRow>(
      `SELECT ${COLUMNS} FROM audit_events WHERE ${conditions.join(' AND ')}
       ORDER BY position ${newest ? 'DESC' : ''} LIMIT $3`,
      parameters,
    );
    return newest ? rows.reverse() : rows;
  }

  /** Whether the newest word on a grant's being there is that it was linked. */
  async wasLinkedLast(name: {
    readonly provider: string;
    readonly userId: string;
    readonly connection: string;
  }): Promise<boolean> {
    const [row] = await this.database.query<{ type: string }>(
      `SELECT type FROM audit_events
       WHERE user_id = $2 AND provider = $1 AND connection = $3
         AND type IN ('grant.linked', 'grant.deleted')
       ORDER BY position DESC LIMIT 1`,
      [name.provider, name.userId, name.connection],
      SCAN_TIMEOUT_MS,
    );
    return row?.type === 'grant.linked';
  }

  /** Removes a batch of what is old. @returns how many rows */
  async prune(through: number, days: number): Promise<number> {
    const [row] = await this.database.query<{ gone: number }>(
      'SELECT audit_prune($1, $2)::numeric AS gone',
      [through, days],
      SCAN_TIMEOUT_MS,
    );
    return row?.gone ?? 0;
  }
}
