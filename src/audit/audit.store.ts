import { Injectable } from '@nestjs/common';
import { Database } from '../database/index.js';
import type { Query } from '../database/index.js';
import type { AuditContent, AuditPlace, AuditRow } from './audit-event.js';

/** Arbitrary constants that every replica agrees on: advisory locks. */
export const OPENING_LOCK = 7_146_210_004;
const MARK_LOCK = 7_146_210_005;
const CHAIN_LOCK = 714_621_006;

/** Notes that are looked at for one that is genuine. */
const NOTES_AT_ONCE = 20;
/** Milliseconds for statements that look at many rows. */
const SCAN_TIMEOUT_MS = 60_000;

const COLUMNS = `position::numeric AS position, (extract(epoch FROM at) * 1000000)::bigint::text AS at,
  type, client, provider, user_id AS "userId", connection, version::numeric AS version,
  count::numeric AS count, outcome, request_id AS "requestId", data, chain::numeric AS chain,
  sequence::numeric AS sequence, previous::numeric AS previous, key, mac`;

/** The end of a chain: its newest row. */
export type ChainEnd = Pick<AuditPlace, 'chain' | 'sequence' | 'position'>;

/** A row to be written: what it says, where it belongs and what vouches for it. */
export interface SignedRow extends AuditContent, AuditPlace {
  readonly key: number;
  readonly mac: Buffer;
}

/** Which events to list; everything when empty. */
export interface AuditFilter {
  readonly userId?: string;
  readonly client?: string;
  readonly provider?: string;
  readonly type?: string;
}

/** Reads and writes of `audit_events`. Nothing here changes or removes a row but {@link prune}. */
@Injectable()
export class AuditStore {
  constructor(private readonly database: Database) {}

  /** Waits for whoever is opening a chain, until the transaction ends. */
  async lockOpening(query: Query): Promise<void> {
    await query('SELECT pg_advisory_xact_lock($1)', [OPENING_LOCK]);
  }

  /** Waits for an earlier transaction of this chain that its own process has given up. */
  async lockChain(query: Query, chain: number): Promise<void> {
    await query('SELECT pg_advisory_xact_lock($1::int, ($2::bigint & 2147483647)::int)', [
      CHAIN_LOCK,
      chain,
    ]);
  }

  /** Whether this transaction is the one that looks after the whole audit now. */
  async tryMarkLock(query: Query): Promise<boolean> {
    const [row] = await query<{ locked: boolean }>(
      'SELECT pg_try_advisory_xact_lock($1) AS locked',
      [MARK_LOCK],
    );
    return row?.locked ?? false;
  }

  /** The newest chain's number, and the position of its first row if that is kept. */
  async newestChain(query: Query): Promise<{ chain: number; opened: number | null } | undefined> {
    const [row] = await query<{ chain: number; opened: number | null }>(
      `SELECT newest.chain::numeric AS chain, first.position::numeric AS opened
       FROM (SELECT chain FROM audit_events WHERE chain IS NOT NULL
             ORDER BY chain DESC, sequence DESC LIMIT 1) newest
       LEFT JOIN audit_events first ON first.chain = newest.chain AND first.sequence = 1`,
    );
    return row;
  }

  /** The newest row of a chain, if it is the chain of this owner. */
  async endOfChain(query: Query, chain: number, opening: string): Promise<ChainEnd | undefined> {
    const [row] = await query<ChainEnd>(
      `SELECT last.chain::numeric AS chain, last.sequence::numeric AS sequence,
         last.position::numeric AS position
       FROM audit_events last JOIN audit_events first ON first.chain = last.chain
         AND first.sequence = 1 AND first.data = $2
       WHERE last.chain = $1 ORDER BY last.sequence DESC LIMIT 1`,
      [chain, opening],
    );
    return row;
  }

  async macAt(query: Query, chain: number, sequence: number): Promise<Buffer | undefined> {
    const [row] = await query<{ mac: Buffer }>(
      'SELECT mac FROM audit_events WHERE chain = $1 AND sequence = $2',
      [chain, sequence],
    );
    return row?.mac;
  }

  /** Positions for so many rows, ascending; readers stay below them until the transaction ends. */
  async drawPositions(query: Query, count: number): Promise<number[]> {
    const rows = await query<{ position: number }>(
      'SELECT p::numeric AS position FROM audit_positions($1) p',
      [count],
    );
    return rows.map(({ position }) => position).sort((a, b) => a - b);
  }

  /** @param at microseconds since the epoch, of all rows */
  async insert(query: Query, at: string, rows: readonly SignedRow[]): Promise<void> {
    await query(
      `INSERT INTO audit_events (at, position, type, client, provider, user_id, connection, version,
         count, outcome, request_id, data, chain, sequence, previous, key, mac)
       SELECT timestamptz 'epoch' + $1::bigint * interval '1 microsecond', r.*
       FROM unnest($2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
         $8::bigint[], $9::bigint[], $10::text[], $11::text[], $12::text[], $13::bigint[],
         $14::bigint[], $15::bigint[], $16::int[], $17::bytea[]) r`,
      [
        at,
        rows.map(({ position }) => position),
        rows.map(({ type }) => type),
        rows.map(({ client }) => client),
        rows.map(({ provider }) => provider),
        rows.map(({ userId }) => userId),
        rows.map(({ connection }) => connection),
        rows.map(({ version }) => version),
        rows.map(({ count }) => count),
        rows.map(({ outcome }) => outcome),
        rows.map(({ requestId }) => requestId),
        rows.map(({ data }) => data),
        rows.map(({ chain }) => chain),
        rows.map(({ sequence }) => sequence),
        rows.map(({ previous }) => previous),
        rows.map(({ key }) => key),
        rows.map(({ mac }) => mac),
      ],
    );
  }

  /** The highest position below which nobody is writing any more. */
  async horizon(query: Query = this.database.query): Promise<number> {
    const [row] = await query<{ horizon: number }>('SELECT audit_horizon()::numeric AS horizon');
    return row?.horizon ?? 0;
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

  /** Whether the vault has ever written a row that is kept. */
  async hasSigned(query: Query): Promise<boolean> {
    return (await query('SELECT 1 FROM audit_events WHERE chain IS NOT NULL LIMIT 1')).length > 0;
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
