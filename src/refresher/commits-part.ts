import type { HealthPart, PartState } from '../common/index.js';
import { StorageUnavailableError } from '../common/index.js';
import type { CommitQueue } from './commit-queue.js';

/** Milliseconds for which answers may wait before the process counts as not ready. */
const PATIENCE_MS = 1500;

/**
 * Says on `/health/ready` that the database answers and takes no answers of providers: a right is
 * missing, the table is locked, every commit runs into its deadline.
 */
export function commitsPart(
  commits: Pick<CommitQueue, 'refusedForMs'>,
  database: { readonly available: boolean },
): HealthPart {
  const check = (): PartState => {
    // That it is away is said elsewhere.
    if (!database.available) throw new StorageUnavailableError();
    if (commits.refusedForMs < PATIENCE_MS) return { up: true };
    return { up: false, reason: 'the database takes no answers of providers' };
  };
  return { name: 'commits', needed: true, check };
}
