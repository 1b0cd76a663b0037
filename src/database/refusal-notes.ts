import { performance } from 'node:perf_hooks';
import pg from 'pg';
import { describeError } from '../common/index.js';
import type { Log } from '../common/index.js';

/** Milliseconds in which the same refusal is told of once. */
const TOLD_EVERY_MS = 60_000;
/** Different refusals that are remembered at most. */
const CAPACITY = 50;
/** Statements that this process has ended itself, and a server that goes: `database.lost` tells of that. */
const KNOWN_OTHERWISE = /^(57|08)/;

/**
 * Logs once a minute with which errors the database refuses statements. The database answers then,
 * but callers get 503 and rotations wait. Nothing else would say that a right is missing, or which
 * table is locked.
 */
export class RefusalNotes {
  private told = new Map<string, number>();

  constructor(private readonly log: Pick<Log, 'event'>) {}

  note(cause: unknown): void {
    if (!(cause instanceof pg.DatabaseError) || KNOWN_OTHERWISE.test(cause.code ?? '')) return;
    const { code, message: reason } = describeError(cause);
    const now = performance.now();
    const what = `${code ?? ''} ${reason}`;
    if (now - (this.told.get(what) ?? -Infinity) < TOLD_EVERY_MS) return;
    if (this.told.size >= CAPACITY) this.told.clear();
    this.told.set(what, now);
    this.log.event('warn', 'database.refused', { code, reason });
  }
}
