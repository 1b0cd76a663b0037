import type { Query, SealedTable } from '../database/index.js';
import { valuesByKey } from '../database/index.js';
import type { Keyring } from '../encryption/index.js';

/** Milliseconds: this reads every sealed table as a whole. */
const TIMEOUT_MS = 60_000;

/** A key and how many values are still sealed under it. */
export interface KeyUsage {
  readonly id: string;
  readonly inKeyring: boolean;
  readonly sealedValues: number;
}

/**
 * Counts sealed values by key: those of the keyring in its order, also unused ones, then those that
 * the keyring lacks. Also counts what is of no use any more, as a disclosed key would open it.
 *
 * @throws StorageUnavailableError
 */
export async function keyUsage(
  query: Query,
  tables: readonly SealedTable[],
  keyring: Pick<Keyring, 'ids' | 'has'>,
): Promise<KeyUsage[]> {
  const rows = await query<{ id: string; values: number }>(
    `SELECT id, sum(values)::numeric AS values FROM (
       ${tables.map(valuesByKey).join(' UNION ALL ')}) counted GROUP BY id ORDER BY id COLLATE "C"`,
    [],
    TIMEOUT_MS,
  );
  const counted = new Map(rows.map(({ id, values }) => [id, values]));
  const foreign = rows.map(({ id }) => id).filter((id) => !keyring.has(id));
  return [...keyring.ids, ...foreign].map((id) => ({
    id,
    inKeyring: keyring.has(id),
    sealedValues: counted.get(id) ?? 0,
  }));
}
