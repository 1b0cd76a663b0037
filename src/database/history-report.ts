import type { Log } from '../common/index.js';
import type { Query } from './connections.js';
import type { HistoryRestorers } from './history-restorers.js';
import { noteLoss } from './history.store.js';

/** What is known once all that is remembered has been written anew. */
export interface StepTaken {
  /** Milliseconds of this process's own writing that the database lacked. */
  readonly lost: number;
  /** Milliseconds for which things are remembered. */
  readonly retention: number;
  readonly restorers: Pick<HistoryRestorers, 'counts' | 'total'>;
  /** Processes that may remember more, and have not come. */
  readonly absent: number;
}

/**
 * Says in the log what the database had forgotten, and notes in it where something is lost for good:
 * where more is lost than anybody remembers, nothing is presented until an operator says so.
 *
 * @returns whether it had gone back, and whether something is lost for good
 */
export async function reportStep(
  query: Query,
  log: Log,
  { lost, retention, restorers, absent }: StepTaken,
): Promise<{ readonly wentBack: boolean; readonly incomplete: boolean }> {
  const tooLong = lost > retention;
  const wentBack = lost > 0 || restorers.total > 0;
  if (wentBack) {
    log.event(tooLong ? 'error' : 'warn', 'database.went_back', {
      seconds_lost: Math.ceil(lost / 1000),
      seconds_remembered: retention / 1000,
      ...restorers.counts,
      replicas_missing: absent,
      paused: tooLong,
    });
  }
  const incomplete = tooLong || (absent > 0 && wentBack);
  if (incomplete) await noteLoss(query, tooLong ? 'history_lost' : null);
  return { wentBack, incomplete };
}
