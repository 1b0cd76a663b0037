import { Injectable } from '@nestjs/common';
import { Database, keyIdOf, rowsByKey } from '../database/index.js';
import type { NamedRow, SealedTable } from '../database/index.js';
import { EncryptionError, Keyring, Sealer } from '../encryption/index.js';
import { SEALED_TABLES } from '../keys/index.js';

/** Milliseconds: this reads the whole table, once per start. */
const TIMEOUT_MS = 60_000;

/** Rows of each table that are opened, wherever in it, to see whether a key is the right one. */
const SAMPLE = 100;

/** What a value was sealed for, and the value. */
interface SampledRow {
  readonly names: NamedRow;
  readonly sealed: Buffer;
}

/** A key by whose id rows were sealed, and that the keyring does not hold, or holds another of. */
export interface KeyProblem {
  readonly kind: 'missing' | 'wrong';
  readonly id: string;
  readonly rows: number;
}

/** The keyring is not the one that the database was sealed with. */
export class KeyringError extends Error {
  constructor(readonly problems: readonly KeyProblem[]) {
    super(problems.map(({ kind, id, rows }) => `key ${id} of ${rows} row(s): ${kind}`).join('; '));
    this.name = 'KeyringError';
  }

  /** Which keys, whatever number of rows they have by now. */
  get trouble(): string {
    return this.problems.map(({ kind, id }) => `${kind} ${id}`).join('; ');
  }
}

/** Compares the keyring with what the database was sealed with. */
@Injectable()
export class KeyringCheck {
  constructor(
    private readonly database: Database,
    private readonly keyring: Keyring,
    private readonly sealer: Sealer,
  ) {}

  /**
   * @param tolerated share of a key's values that may fail to open before it counts as a wrong one;
   *   1 for a start, which only a key that opens nothing prevents
   * @throws KeyringError with key ids and row counts; StorageUnavailableError
   */
  async run(tolerated = 1): Promise<void> {
    const used = await this.database.query<{ id: string; rows: number }>(
      `SELECT id, sum(rows)::int AS rows FROM (
         ${SEALED_TABLES.map(rowsByKey).join(' UNION ALL ')}
       ) sealed GROUP BY id ORDER BY id`,
      [],
      TIMEOUT_MS,
    );
    const problems: KeyProblem[] = [];
    for (const key of used) {
      if (!this.keyring.has(key.id)) problems.push({ kind: 'missing', ...key });
      else if (await this.isWrong(key.id, tolerated)) problems.push({ kind: 'wrong', ...key });
    }
    if (problems.length > 0) throw new KeyringError(problems);
  }

  /**
   * Whether a key opens too few of the values that bear its id, or of a sample of them. A few that do
   * not open may have been tampered with, and are no reason to refuse all others to their users.
   */
  private async isWrong(id: string, tolerated: number): Promise<boolean> {
    const opened: boolean[] = [];
    for (const table of SEALED_TABLES) {
      for (const column of table.columns) opened.push(...(await this.tryColumn(table, column, id)));
    }
    const foreign = opened.filter((each) => !each).length;
    return foreign > 0 && foreign >= opened.length * tolerated;
  }

  /** @returns for each value of a sample whether it is this keyring's */
  private async tryColumn(table: SealedTable, column: string, id: string): Promise<boolean[]> {
    const names = [...table.key.map((key) => key.column), ...(table.names ?? [])];
    const rows = await this.database.query<SampledRow>(
      `SELECT json_build_object(${names.map((name) => `'${name}', ${name}::text`).join(', ')}) AS names,
         ${column} AS sealed FROM ${table.table}
       WHERE ${keyIdOf(column)} = $1 AND ${table.where ?? 'true'} ORDER BY random() LIMIT $2`,
      [id, SAMPLE],
      TIMEOUT_MS,
    );
    return rows.map(({ names: row, sealed }) => this.opens(sealed, table.context(column, row)));
  }

  private opens(envelope: Buffer, context: readonly string[]): boolean {
    try {
      this.sealer.open(envelope, context);
      return true;
    } catch (error) {
      return !(error instanceof EncryptionError && error.code === 'authentication_failed');
    }
  }
}
