import type { Database, Query } from '../../src/database/index.js';
import type { TestDatabase } from '../support/database.js';

/** One node of a plan as `EXPLAIN (ANALYZE, FORMAT JSON)` shows it. */
export interface PlanNode {
  'Node Type': string;
  'Relation Name'?: string;
  'Index Name'?: string;
  'Actual Rows'?: number;
  'Rows Removed by Filter'?: number;
  Plans?: PlanNode[];
}

/** What the statements that some code sent cost, and how they got at their rows. */
export interface PlannedWork {
  /** Every node that reads a table, in the order of the statements. */
  readonly scans: PlanNode[];
  /** Rows that were read and thrown away again. */
  readonly wasted: number;
}

/**
 * Runs `work` with a database that executes each of its statements under EXPLAIN ANALYZE and
 * returns no rows.
 */
export async function plansOf(
  database: TestDatabase,
  work: (database: Database) => Promise<unknown>,
): Promise<PlannedWork> {
  const nodes: PlanNode[] = [];
  const query: Query = async (sql, parameters) => {
    const [row] = await database.query<{ 'QUERY PLAN': { Plan: PlanNode }[] }>(
      `EXPLAIN (ANALYZE, FORMAT JSON) ${sql}`,
      parameters,
    );
    nodes.push(...(row?.['QUERY PLAN'] ?? []).flatMap(({ Plan }) => flatten(Plan)));
    return [];
  };
  await work({ query } as Database);
  // A row for each replica, or each provider: read as a whole, whatever leads there.
  const small = new Set(['stitch_replicas', 'stitch_provider_fuses']);
  const large = nodes.filter((node) => !small.has(node['Relation Name'] ?? ''));
  const scans = large.filter((node) => node['Node Type'].includes('Scan'));
  const wasted = nodes.reduce((sum, node) => sum + (node['Rows Removed by Filter'] ?? 0), 0);
  return { scans, wasted };
}

const flatten = (node: PlanNode): PlanNode[] => [node, ...(node.Plans ?? []).flatMap(flatten)];

/** Scans of a table that no index led to. */
export const sequential = ({ scans }: PlannedWork): PlanNode[] =>
  scans.filter((node) => node['Node Type'] === 'Seq Scan');

/** The indexes that were used. */
export const indexes = ({ scans }: PlannedWork): string[] => [
  ...new Set(scans.flatMap((node) => node['Index Name'] ?? [])),
];

/** Rows read from an index. */
export const rowsFrom = ({ scans }: PlannedWork, index: string): number =>
  scans
    .filter((node) => node['Index Name'] === index)
    .reduce((sum, node) => sum + (node['Actual Rows'] ?? 0), 0);
