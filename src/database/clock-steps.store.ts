import type { ClockStep } from './clock-steps.js';
import { PROBE_TIMEOUT_MS } from './data-source.js';
import type { Query } from './connections.js';

/** Milliseconds within which two replicas notice the same step. */
const SAME_STEP_MS = 15_000;
/** Milliseconds within which a step is noticed and noted. */
const NOTED_WITHIN_MS = 3000;
/** Milliseconds within which whoever noticed a step has ended the tokens that it makes look new. */
const ENDED_WITHIN_MS = 2000;
/** Steps that are kept. */
const KEPT_STEPS = 100;

/**
 * Notes a step for processes that begin later. What another replica has noted already is no second one;
 * what this one has noted before was another one. One replica after the other: two that notice it in the
 * same moment would not see what the other one is writing.
 *
 * @param query in a transaction
 */
export async function noteClockStep(
  query: Query,
  process: string,
  { by }: ClockStep,
): Promise<void> {
  await query(
    `SELECT pg_advisory_xact_lock(hashtextextended('stitch_clock_steps', 0))`,
    [],
    PROBE_TIMEOUT_MS,
  );
  await query(
    `WITH gone AS (
       DELETE FROM stitch_clock_steps WHERE id <= (SELECT max(id) - ${KEPT_STEPS} FROM stitch_clock_steps))
     INSERT INTO stitch_clock_steps (seen_at, by_ms, process) SELECT clock_timestamp(), $1, $2
     WHERE NOT EXISTS (SELECT FROM stitch_clock_steps s
       WHERE s.id = (SELECT max(id) FROM stitch_clock_steps) AND s.process <> $2 AND abs(s.by_ms - $1) < 3000
         AND abs(extract(epoch FROM clock_timestamp() - s.seen_at)) * 1000 < ${SAME_STEP_MS})`,
    [by, process],
    PROBE_TIMEOUT_MS,
  );
}

/**
 * The steps that were noted, as this process would have seen them; the oldest first.
 *
 * @param now monotonic
 */
export async function readClockSteps(query: Query, now: number): Promise<ClockStep[]> {
  const [there] = await query<{ exists: boolean }>(
    `SELECT to_regclass('stitch_clock_steps') IS NOT NULL AS exists`,
    [],
    PROBE_TIMEOUT_MS,
  );
  if (!there?.exists) return [];
  const rows = await query<{ by: number; ago: number }>(
    `SELECT by_ms::numeric AS by,
       extract(epoch FROM clock_timestamp() - seen_at) * 1000 AS ago
     FROM stitch_clock_steps ORDER BY id DESC`,
    [],
    PROBE_TIMEOUT_MS,
  );
  return toSteps(rows, now);
}

/**
 * @param noted the newest first: `ago` by the clock as it is now, which every later step has moved.
 * @param now monotonic
 */
export function toSteps(
  noted: readonly { readonly by: number; readonly ago: number }[],
  now: number,
): ClockStep[] {
  let later = 0;
  const steps: ClockStep[] = [];
  for (const { by, ago } of noted) {
    const at = now - (ago - later);
    steps.unshift({ by, at, since: at - NOTED_WITHIN_MS, endedAt: at + ENDED_WITHIN_MS });
    later += by;
  }
  return steps;
}
