import type { Query } from './connections.js';
import type { HistoryFacts, OtherReplica } from './history-verdict.js';

/** What the database says of its history, its origin, and of all who work in it. */
export interface HistoryState extends HistoryFacts {
  readonly now: number;
  /** Server and database as they are, and as they were when a vault worked here last. */
  readonly origin: string;
  readonly recordedOrigin: string | null;
  readonly pausedReason: string | null;
  readonly incompleteBefore: number | null;
  readonly others: readonly OtherReplica[];
}

/** What a process writes of itself with every heartbeat. */
export interface Beat {
  readonly process: string;
  readonly beat: number;
  readonly incarnation: string;
  readonly stage: number;
  /** Milliseconds since the epoch; null when the process holds nothing. */
  readonly heldSince: number | null;
  /** The counter goes on from here, also where the database has forgotten it. */
  readonly counter: number;
}

const ms = (column: string) => `(extract(epoch FROM ${column}) * 1000)::numeric`;

/** @returns undefined while the schema has no history yet */
export async function readHistory(
  query: Query,
  process: string,
  timeout: number,
): Promise<HistoryState | undefined> {
  const [there] = await query<{ exists: boolean }>(
    `SELECT to_regclass('stitch_replicas') IS NOT NULL AS exists`,
    [],
    timeout,
  );
  if (!there?.exists) return undefined;
  const [row] = await query<{
    now: number;
    incarnation: string;
    origin: string;
    recorded: string | null;
    counter: string;
    advanced: number;
    paused: string | null;
    incomplete: number | null;
    replicas: { process: string; beat: number; at: number; incarnation: string; stage: number }[];
  }>(
    `SELECT ${ms('clock_timestamp()')} AS now, stitch_incarnation() AS incarnation,
       stitch_origin() AS origin, h.origin AS recorded, h.counter, ${ms('h.advanced_at')} AS advanced,
       CASE WHEN h.paused_at IS NOT NULL THEN coalesce(h.paused_reason, 'paused') END AS paused,
       ${ms('h.incomplete_before')} AS incomplete,
       (SELECT coalesce(json_agg(json_build_object('process', r.process, 'beat', r.beat,
          'at', ${ms('r.beat_at')}, 'incarnation', r.incarnation, 'stage', r.stage)), '[]')
        FROM stitch_replicas r) AS replicas
     FROM stitch_history h`,
    [],
    timeout,
  );
  if (!row) return undefined;
  const own = row.replicas.find((replica) => replica.process === process);
  return {
    now: row.now,
    incarnation: row.incarnation,
    origin: row.origin,
    recordedOrigin: row.recorded,
    counter: Number(row.counter),
    advancedAt: row.advanced,
    pausedReason: row.paused,
    incompleteBefore: row.incomplete,
    own: own ? { beat: own.beat, beatAt: own.at } : null,
    others: row.replicas
      .filter((replica) => replica !== own)
      .map(({ at, ...other }) => ({ ...other, beatAt: at })),
  };
}

/**
 * Writes that the process is there, and how far it is. Contact with the database is a write that
 * succeeded: one that answers and takes no writes keeps nothing.
 */
export async function writeBeat(
  query: Query,
  beat: Beat,
  timeout: number,
): Promise<{ readonly counter: number; readonly beatAt: number }> {
  const [row] = await query<{ counter: string; at: number }>(
    `WITH h AS (
       UPDATE stitch_history SET counter = greatest(counter, $6::bigint) + 1,
         advanced_at = clock_timestamp(), origin = coalesce(origin, stitch_origin())
       RETURNING counter),
     r AS (
       INSERT INTO stitch_replicas (process, beat, beat_at, incarnation, stage, held_since)
       VALUES ($1, $2, clock_timestamp(), $3, $4, to_timestamp($5::float8 / 1000.0))
       ON CONFLICT (process) DO UPDATE SET beat = EXCLUDED.beat, beat_at = EXCLUDED.beat_at,
         incarnation = EXCLUDED.incarnation, stage = EXCLUDED.stage,
         held_since = EXCLUDED.held_since
       RETURNING beat_at)
     SELECT h.counter, ${ms('r.beat_at')} AS at FROM h, r`,
    [beat.process, beat.beat, beat.incarnation, beat.stage, beat.heldSince, beat.counter],
    timeout,
  );
  if (!row) throw new Error('a heartbeat was not written');
  return { counter: Number(row.counter), beatAt: row.at };
}

/** Notes that something is lost for good; `reason` keeps refresh tokens from being presented. */
export async function noteLoss(query: Query, reason: string | null): Promise<void> {
  await query(
    `UPDATE stitch_history SET incomplete_before = clock_timestamp(),
       paused_at = CASE WHEN $1::text IS NULL THEN paused_at
         ELSE coalesce(paused_at, clock_timestamp()) END,
       paused_reason = coalesce(paused_reason, $1)`,
    [reason],
  );
}

/**
 * Says that this database is the original from now on, whatever it was before. What was obtained by
 * now may be outdated: a refusal of its tokens does not mean that the user withdrew the consent.
 *
 * @returns whether it had not been
 */
export async function adoptHistory(query: Query): Promise<boolean> {
  const rows = await query(
    `UPDATE stitch_history SET origin = stitch_origin(), paused_at = NULL, paused_reason = NULL,
       incomplete_before = clock_timestamp()
     WHERE origin IS DISTINCT FROM stitch_origin() OR paused_at IS NOT NULL RETURNING 1`,
  );
  return rows.length > 0;
}

/** Forgets processes that have ended. */
export async function forgetReplicas(query: Query, processes: readonly string[]): Promise<void> {
  if (processes.length === 0) return;
  await query('DELETE FROM stitch_replicas WHERE process = ANY($1::uuid[])', [processes]);
}

/**
 * What a claim asks for beside its own conditions: that the database is the one the process has
 * compared with what it remembers, with all that the process has written since.
 *
 * @param process the parameter with the process, $1 and so on. @param beat that with its last beat
 */
export const inKnownHistory = (process: string, beat: string): string =>
  `EXISTS (SELECT FROM stitch_replicas me WHERE me.process = ${process}::uuid
     AND me.beat >= ${beat} AND me.stage = 3 AND me.incarnation = stitch_incarnation())`;
