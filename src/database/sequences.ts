import type { Query } from './connections.js';

/**
 * SQLSTATEs of a database whose migrations are not there yet, and of a role that was not given the
 * right to this: the vault works as it did before there was this function.
 */
const NOT_TO_BE_HAD = new Set(['42883', '42501']);

/**
 * Moves sequences forward that came back behind the columns they number, as they do from logical
 * replication. To be called before anything is written: the first row that collides takes the consent
 * with it in whose transaction it is.
 *
 * @returns the names of those that were behind
 */
export async function moveSequencesForward(query: Query, timeout: number): Promise<string[]> {
  try {
    const sql = 'SELECT sequences_forward() AS moved';
    const [row] = await query<{ moved: string[] }>(sql, [], timeout);
    return row?.moved ?? [];
  } catch (error) {
    const { cause } = error as { readonly cause?: { readonly code?: unknown } };
    if (NOT_TO_BE_HAD.has(String(cause?.code))) return [];
    throw error;
  }
}
