import { keyIdOf } from '../database/index.js';
import type { SealedTable } from '../database/index.js';

/** Rows that one statement reads or writes. */
export const BATCH = 500;

const columnsOf = ({ key, names = [] }: SealedTable) => [
  ...new Set([...key.map(({ column }) => column), ...names]),
];
const keyColumns = ({ key }: SealedTable) => key.map(({ column }) => column);

/** A value under another key than the one of this parameter. What is no envelope is not one. */
const underAnother = (parameter: string, columns: readonly string[]) =>
  columns.map((column) => `${keyIdOf(`t.${column}`)} <> ${parameter}`).join(' OR ');

/**
 * Reads the next rows, in the order of the primary key, that have a value under another key than
 * $1. @param first whether it begins at the first row; else after the primary key in $2 and on
 */
export function selectBatch(table: SealedTable, first: boolean): string {
  const key = keyColumns(table).map((column) => `t.${column}`);
  const place = table.key.map(({ type }, index) => `$${String(index + 2)}::${type}`);
  const after = first ? 'true' : `(${key.join(', ')}) > (${place.join(', ')})`;
  return `
    SELECT ${columnsOf(table)
      .map((column) => `t.${column}::text`)
      .join(', ')}, ${table.columns.map((column) => `t.${column}`).join(', ')}
    FROM ${table.table} t
    WHERE ${after} AND (${underAnother('$1', table.columns)}) AND ${table.where ?? 'true'}
    ORDER BY ${key.join(', ')} LIMIT ${String(BATCH)}`;
}

/**
 * Puts new envelopes in the place of those that were read. Parameters: an array for each column of
 * the primary key, then for each sealed column what was read and what takes its place (null: leave
 * it). A value that somebody has written meanwhile is newer and stays. A row that somebody has
 * locked is left for the next pass, so that no transaction of an operator holds the others up.
 *
 * Returns for each written row how many values were replaced.
 */
export function replaceBatch(table: SealedTable): string {
  const keys = keyColumns(table);
  const types = [
    ...table.key.map(({ type }) => type),
    ...table.columns.flatMap(() => ['bytea', 'bytea']),
  ];
  const names = [...keys, ...table.columns.flatMap((column) => [`was_${column}`, `new_${column}`])];
  const unnested = types.map((type, index) => `$${String(index + 1)}::${type}[]`);
  const same = keys.map((column) => `t.${column} = u.${column}`).join(' AND ');
  const set = table.columns.map(
    (column) =>
      `${column} = CASE WHEN t.${column} = u.was_${column} THEN u.new_${column} ELSE t.${column} END`,
  );
  const replaced = table.columns.map(
    (column) => `coalesce((t.${column} = u.new_${column})::int, 0)`,
  );
  return `
    WITH u AS (SELECT * FROM unnest(${unnested.join(', ')}) AS u(${names.join(', ')})),
    free AS MATERIALIZED (
      SELECT ${keys.map((column) => `t.${column}`).join(', ')}
      FROM ${table.table} t JOIN u ON ${same} FOR UPDATE OF t SKIP LOCKED)
    UPDATE ${table.table} t SET ${set.join(', ')}
    FROM u JOIN free USING (${keys.join(', ')})
    WHERE ${same} AND (${table.columns.map((column) => `t.${column} = u.was_${column}`).join(' OR ')})
    RETURNING ${replaced.join(' + ')} AS replaced`;
}

/** Wipes a batch of values that are of no use any more; undefined where there are none. */
export function wipeBatch(table: SealedTable): string | undefined {
  if (!table.wipe) return undefined;
  const key = keyColumns(table).join(', ');
  return `
    UPDATE ${table.table} SET ${table.wipe.set}
    WHERE (${key}) IN (SELECT ${key} FROM ${table.table} WHERE ${table.wipe.where}
      LIMIT ${String(BATCH)} FOR UPDATE SKIP LOCKED) RETURNING 1`;
}
