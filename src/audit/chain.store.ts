import { Injectable } from '@nestjs/common';
import type { Query } from '../database/index.js';
import type { AuditContent, AuditPlace } from './audit-event.js';

/** Arbitrary constants that every replica agrees on: advisory locks. */
export const OPENING_LOCK = 7_146_210_004;
const CHAIN_LOCK = 714_621_006;

/** The end of a chain: its newest row. */
export type ChainEnd = Pick<AuditPlace, 'chain' | 'sequence' | 'position'>;

/** A row to be written: what it says, where it belongs and what vouches for it. */
export interface SignedRow extends AuditContent, AuditPlace {
  readonly key: number;
  readonly mac: Buffer;
}

/**
 * Writes rows of `audit_events` at the end of a chain, in transactions of the callers. Nothing here
 * changes a row.
 */
@Injectable()
export class ChainStore {
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

  /** Whether the vault has ever written a row that is kept. */
  async hasSigned(query: Query): Promise<boolean> {
    return (await query('SELECT 1 FROM audit_events WHERE chain IS NOT NULL LIMIT 1')).length > 0;
  }
}
