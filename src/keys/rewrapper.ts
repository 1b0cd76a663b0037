import type { Clock } from '../common/index.js';
import { StorageUnavailableError } from '../common/index.js';
import type { Database, NamedRow, Query, SealedTable } from '../database/index.js';
import { EncryptionError, keyIdOf } from '../encryption/index.js';
import type { Keyring, Sealer } from '../encryption/index.js';
import { keyUsage } from './key-usage.js';
import { BATCH, replaceBatch, selectBatch, wipeBatch } from './rewrap-sql.js';

/** Milliseconds for a batch: finding the next rows may read most of a table. */
const TIMEOUT_MS = 60_000;
/** Milliseconds for which a database that is away is waited for, and between two attempts. */
const PATIENCE_MS = 30_000;
const RETRY_MS = 500;
/** Milliseconds until rows that were locked are tried again, and how often they are. */
const NEXT_PASS_MS = 1000;
const PASSES = 5;

/** Terms that no row has. */
const ALTERED = ['altered'];

/** How many values were sealed anew, and how many are not under the first key still. */
export interface RewrapResult {
  readonly rewrapped: number;
  readonly remaining: number;
}

type Row = NamedRow & Readonly<Record<string, string | Buffer | null>>;

/** A row whose values were sealed anew. */
interface Replacement {
  readonly row: Row;
  readonly values: ReadonlyMap<string, { readonly was: Buffer; readonly fresh: Buffer }>;
}

/**
 * Seals everything anew under the first key of the keyring, table by table in the order of the
 * primary key, a batch at a time, beside vaults that work. What is sealed already is passed over, so
 * an interrupted run goes on where it was by being run again.
 */
export class Rewrapper {
  private rewrapped = 0;

  /**
   * @param recorded runs what writes a batch in one transaction with the record of how many values
   *   it has sealed anew, and returns that
   * @param onProgress called after each batch with the values sealed anew so far
   */
  constructor(
    private readonly database: Pick<Database, 'query'>,
    private readonly recorded: (write: (query: Query) => Promise<number>) => Promise<number>,
    private readonly keyring: Keyring,
    private readonly sealer: Pick<Sealer, 'open' | 'seal' | 'compareTerms'>,
    private readonly clock: Clock,
    private readonly onProgress: (rewrapped: number) => void,
  ) {}

  /** @throws StorageUnavailableError when the database stays away; what was done stays done */
  async run(tables: readonly SealedTable[]): Promise<RewrapResult> {
    for (let pass = 1; ; pass += 1) {
      const before = this.rewrapped;
      for (const table of tables) {
        await this.wipe(table);
        await this.rewrap(table);
      }
      const remaining = await this.remaining(tables);
      // What is left was locked, was written meanwhile by a replica with another first key, or
      // can't be opened: another look helps the first two.
      const hopeful = this.rewrapped > before || pass === 1;
      if (remaining === 0 || !hopeful || pass === PASSES) {
        return { rewrapped: this.rewrapped, remaining };
      }
      await this.clock.sleep(NEXT_PASS_MS);
    }
  }

  /** How many values are under another key than the first one. */
  async remaining(tables: readonly SealedTable[]): Promise<number> {
    const usage = await this.patiently(() => keyUsage(this.database.query, tables, this.keyring));
    return usage
      .filter(({ id }) => id !== this.keyring.primaryId)
      .reduce((sum, { sealedValues }) => sum + sealedValues, 0);
  }

  private async wipe(table: SealedTable): Promise<void> {
    const sql = wipeBatch(table);
    if (sql === undefined) return;
    for (let wiped = BATCH; wiped === BATCH;) {
      wiped = (await this.patiently(() => this.database.query(sql, [], TIMEOUT_MS))).length;
    }
  }

  private async rewrap(table: SealedTable): Promise<void> {
    for (let last: Row | undefined, full = true; full;) {
      const place = last ? table.key.map(({ column }) => last?.[column]) : [];
      const rows = await this.patiently(() =>
        this.database.query<Row>(
          selectBatch(table, last === undefined),
          [this.keyring.primaryId, ...place],
          TIMEOUT_MS,
        ),
      );
      await this.replace(
        table,
        rows.map((row) => this.seal(table, row)).filter(({ values }) => values.size > 0),
      );
      last = rows.at(-1);
      full = rows.length === BATCH;
    }
  }

  private seal(table: SealedTable, row: Row): Replacement {
    const values = new Map<string, { was: Buffer; fresh: Buffer }>();
    for (const column of table.columns) {
      const was = row[column];
      if (!Buffer.isBuffer(was)) continue;
      const fresh = this.sealAnew(was, table.context(column, row), table.terms?.(column, row));
      if (fresh) values.set(column, { was, fresh });
    }
    return { row, values };
  }

  /** @returns undefined for what needs no new envelope, or can't get one because it does not open */
  private sealAnew(
    was: Buffer,
    context: readonly string[],
    terms?: readonly string[],
  ): Buffer | undefined {
    try {
      if (keyIdOf(was) === this.keyring.primaryId) return undefined;
      const text = this.sealer.open(was, context);
      // What somebody has altered must not become right by being sealed anew.
      const altered = terms && this.sealer.compareTerms(was, context, terms) === 'other';
      return this.sealer.seal(text, context, altered ? ALTERED : terms);
    } catch (error) {
      if (error instanceof EncryptionError) return undefined;
      throw error;
    }
  }

  private async replace(table: SealedTable, batch: readonly Replacement[]): Promise<void> {
    if (batch.length === 0) return;
    const parameters = [
      ...table.key.map(({ column }) => batch.map(({ row }) => row[column])),
      ...table.columns.flatMap((column) => [
        batch.map(({ values }) => values.get(column)?.was ?? null),
        batch.map(({ values }) => values.get(column)?.fresh ?? null),
      ]),
    ];
    this.rewrapped += await this.patiently(() =>
      this.recorded(async (query) => {
        const sql = replaceBatch(table);
        const written = await query<{ replaced: number }>(sql, parameters, TIMEOUT_MS);
        return written.reduce((sum, { replaced }) => sum + replaced, 0);
      }),
    );
    this.onProgress(this.rewrapped);
  }

  /** Each statement does the same when it is run again: an outage of the database is waited out. */
  private async patiently<T>(work: () => Promise<T>): Promise<T> {
    const deadline = this.clock.now() + PATIENCE_MS;
    for (;;) {
      try {
        return await work();
      } catch (error) {
        if (!(error instanceof StorageUnavailableError) || this.clock.now() > deadline) throw error;
        await this.clock.sleep(RETRY_MS);
      }
    }
  }
}
