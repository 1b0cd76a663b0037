/** A row as text, by the names of its columns. */
export type NamedRow = Readonly<Record<string, string>>;

/**
 * A table with sealed values: which they are, what they are bound to and which of them are still of
 * use. Each folder describes the tables that it owns, for what concerns all sealed values alike.
 */
export interface SealedTable {
  readonly table: string;
  /** The columns of the primary key, in its order, and their SQL types. */
  readonly key: readonly { readonly column: string; readonly type: string }[];
  readonly columns: readonly string[];
  /** Columns beyond the primary key that {@link context} needs. */
  readonly names?: readonly string[];
  /** What a value of this column and row was sealed for. */
  readonly context: (column: string, row: NamedRow) => readonly string[];
  /** What decides over a value of this column and row beside its place, if anything does. */
  readonly terms?: (column: string, row: NamedRow) => readonly string[] | undefined;
  /** A condition that only rows whose sealed values are still of use meet; all rows without it. */
  readonly where?: string;
  /** What becomes of the values of rows that are of no use any more: which rows, and what is set. */
  readonly wipe?: { readonly where: string; readonly set: string };
}

/**
 * SQL for the key id of a sealed value. In the envelope one byte of length follows the version, then
 * comes the id itself. Null for what is too short to have one.
 */
export const keyIdOf = (column: string): string =>
  `encode(substring(${column} FROM 3 FOR
    CASE WHEN length(${column}) > 2 THEN get_byte(${column}, 1) END), 'escape')`;

const ids = (columns: readonly string[]) =>
  `(VALUES ${columns.map((column) => `(${keyIdOf(`sealed_row.${column}`)})`).join(', ')}) ids(id)`;

/** SQL that counts a table's rows by the keys that any of their sealed columns needs. */
export const rowsByKey = ({
  table,
  columns,
  where = 'true',
}: Pick<SealedTable, 'table' | 'columns' | 'where'>): string => `
  SELECT key.id, count(*) AS rows FROM ${table} sealed_row
  CROSS JOIN LATERAL (SELECT DISTINCT id FROM ${ids(columns)} WHERE id IS NOT NULL) key
  WHERE ${where} GROUP BY key.id`;

/** SQL that counts a table's sealed values by their keys, also those of no use any more. */
export const valuesByKey = ({ table, columns }: Pick<SealedTable, 'table' | 'columns'>): string => `
  SELECT ids.id, count(*) AS values FROM ${table} sealed_row
  CROSS JOIN LATERAL ${ids(columns)} WHERE ids.id IS NOT NULL GROUP BY ids.id`;
