/** Which columns of a table hold sealed values. Each folder describes the tables that it owns. */
export interface SealedTable {
  readonly table: string;
  readonly columns: readonly string[];
  /** A condition that only rows whose sealed values are still of use meet; all rows without it. */
  readonly where?: string;
}

/**
 * SQL for the key id of a sealed value. In the envelope one byte of length follows the version, then
 * comes the id itself. Null for what is too short to have one.
 */
export const keyIdOf = (column: string): string =>
  `encode(substring(${column} FROM 3 FOR
    CASE WHEN length(${column}) > 2 THEN get_byte(${column}, 1) END), 'escape')`;

/** SQL that counts a table's rows by the keys that any of their sealed columns needs. */
export const rowsByKey = ({ table, columns, where = 'true' }: SealedTable): string => `
  SELECT key.id, count(*) AS rows FROM ${table} sealed_row
  CROSS JOIN LATERAL (SELECT DISTINCT id FROM (VALUES ${columns
    .map((column) => `(${keyIdOf(`sealed_row.${column}`)})`)
    .join(', ')}) ids(id) WHERE id IS NOT NULL) key
  WHERE ${where} GROUP BY key.id`;
