import { grantKeyText } from '../grants/index.js';
import type { GrantKey } from '../grants/index.js';

/** Results written by one statement at most: what is made of the rows on both sides is done in one go. */
export const BATCH = 128;

/**
 * What goes into the next statement, and what is left. At most one result per grant: two in one
 * statement would both be weighed against the old row.
 */
export function nextBatch<T extends { readonly result: GrantKey }>(
  pending: readonly T[],
): { readonly batch: T[]; readonly rest: T[] } {
  const taken = new Set<string>();
  const batch: T[] = [];
  const rest = pending.filter((item) => {
    const text = grantKeyText(item.result);
    if (batch.length >= BATCH || taken.has(text)) return true;
    taken.add(text);
    batch.push(item);
    return false;
  });
  return { batch, rest };
}
