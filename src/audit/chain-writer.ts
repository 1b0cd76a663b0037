import { setImmediate as turn } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { Database, DatabaseClock, ProcessId } from '../database/index.js';
import type { Query } from '../database/index.js';
import { note } from './audit-event.js';
import type { AuditContent } from './audit-event.js';
import { AuditKeyStore } from './audit-keys.store.js';
import type { AuditKey } from './audit-mac.js';
import { ChainStore } from './chain.store.js';
import type { ChainEnd, SignedRow } from './chain.store.js';

/** Rows that are signed between two turns of the event loop: about two milliseconds. */
const SIGNED_AT_ONCE = 250;

/** Rows to be written together, at one time. */
export interface Batch {
  /** Microseconds since the epoch by the database's clock, as digits. */
  readonly at: string;
  readonly contents: readonly AuditContent[];
}

/**
 * Writes the chain of this process. Each row has its number in the chain, and the key vouches for
 * number, position and content: nothing in between can be taken out, moved or changed unnoticed.
 * One transaction at a time; the processes do not wait for each other, as each has its own chain.
 */
@Injectable()
export class ChainWriter {
  private end: ChainEnd | undefined;
  private key: AuditKey | undefined;
  /** A chain that was to be opened by a transaction whose end is not known. */
  private opening: number | undefined;
  /** Whether it is not known which transaction was the last one that was committed. */
  private uncertain = false;
  /** Where the chain ends once the transaction under way is committed. */
  private pending: ChainEnd | undefined;
  /** The numbers under which a batch was tried before. */
  private readonly attempted = new Map<Batch, number[]>();
  private running: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly database: Database,
    private readonly store: ChainStore,
    private readonly keys: AuditKeyStore,
    private readonly clock: DatabaseClock,
    private readonly process: ProcessId,
  ) {}

  /** Whether this process has written anything. */
  get isOpen(): boolean {
    return this.end !== undefined;
  }

  batchOf(contents: readonly AuditContent[]): Batch {
    return { at: `${String(this.clock.now())}000`, contents };
  }

  /**
   * Writes a batch once and for certain: call it again with the same batch after it threw.
   *
   * @throws StorageUnavailableError; whether it is written is found out by the next call
   */
  async write(batch: Batch): Promise<void> {
    if (batch.contents.length === 0) return;
    await this.transaction(async (query, key) => {
      if (await this.isWritten(query, key, batch)) return;
      await this.append(query, key, batch);
    });
    this.attempted.delete(batch);
  }

  /**
   * Writes notes that depend on what the transaction finds; nothing when there are none.
   *
   * @returns what `prepare` returned
   */
  async writeNotes<T extends { readonly notes: readonly AuditContent[] } | undefined>(
    prepare: (query: Query, key: AuditKey) => Promise<T>,
  ): Promise<T> {
    return this.transaction(async (query, key) => {
      const prepared = await prepare(query, key);
      if (prepared) await this.append(query, key, this.batchOf(prepared.notes));
      return prepared;
    });
  }

  /** Makes sure that there is a key: on a new database the first vault makes it. */
  async prepare(): Promise<void> {
    if (!this.key) await this.transaction(() => Promise.resolve());
  }

  /** Says that this chain ends here; nothing where none was begun. */
  async close(): Promise<void> {
    if (this.isOpen) await this.write(this.batchOf([note('audit.closed', {})]));
  }

  /** One after the other: each begins where the one before has ended. */
  private transaction<T>(work: (query: Query, key: AuditKey) => Promise<T>): Promise<T> {
    const run = () => this.transact(work);
    const result = this.running.then(run, run);
    this.running = result;
    return result;
  }

  private async transact<T>(work: (query: Query, key: AuditKey) => Promise<T>): Promise<T> {
    this.pending = undefined;
    try {
      const result = await this.database.transaction(async (query) => {
        const key = (this.key ??= await this.keys.current(query));
        await this.settle(query);
        return work(query, key);
      });
      const pending = this.pending as ChainEnd | undefined;
      if (pending) this.end = pending;
      this.opening = undefined;
      this.uncertain = false;
      return result;
    } catch (error) {
      this.uncertain = true;
      // Made by a transaction that may not have been committed.
      if (!this.end) this.key = undefined;
      throw error;
    }
  }

  /** Finds the end of the chain again after a transaction whose end is not known. */
  private async settle(query: Query): Promise<void> {
    if (!this.uncertain) {
      if (this.end) await this.store.lockChain(query, this.end.chain);
      return;
    }
    // The one before may still be running on the server: it has one of these locks then.
    const chain = this.end?.chain ?? this.opening;
    if (!this.end) await this.store.lockOpening(query);
    if (chain === undefined) return;
    await this.store.lockChain(query, chain);
    this.end = await this.store.endOfChain(query, chain, this.openingData);
  }

  private async append(query: Query, key: AuditKey, { at, contents }: Batch): Promise<void> {
    if (contents.length === 0) return;
    let end: ChainEnd;
    let all: readonly AuditContent[] = contents;
    if (this.end) end = this.end;
    else {
      await this.store.lockOpening(query);
      const newest = await this.store.newestChain(query);
      this.opening = (newest?.chain ?? 0) + 1;
      await this.store.lockChain(query, this.opening);
      end = { chain: this.opening, sequence: 0, position: newest?.opened ?? 0 };
      all = [note('audit.opened', this.openingNote), ...contents];
    }
    const positions = await this.store.drawPositions(query, all.length);
    const rows: SignedRow[] = [];
    for (const [index, content] of all.entries()) {
      const place = {
        position: positions[index] ?? 0,
        chain: end.chain,
        sequence: end.sequence + index + 1,
        previous: index === 0 ? end.position : (positions[index - 1] ?? 0),
      };
      const mac = key.mac(key.contentTag({ ...content, at }), place);
      rows.push({ ...content, ...place, key: key.id, mac });
      if (index % SIGNED_AT_ONCE === SIGNED_AT_ONCE - 1) await turn();
    }
    await this.store.insert(query, at, rows);
    const last = rows.at(-1);
    if (last) this.pending = last;
  }

  /** Whether an earlier attempt, whose end was not known, has written a batch. */
  private async isWritten(query: Query, key: AuditKey, batch: Batch): Promise<boolean> {
    const sequences = this.attempted.get(batch) ?? [];
    const [first] = batch.contents;
    if (!first) return true;
    const expected = key.contentTag({ ...first, at: batch.at });
    for (const sequence of this.end ? sequences : []) {
      const mac = await this.store.macAt(query, this.end?.chain ?? 0, sequence);
      if (mac?.subarray(0, expected.length).equals(expected)) return true;
    }
    // The first row of a chain is its opening.
    this.attempted.set(batch, [...sequences, this.end ? this.end.sequence + 1 : 2]);
    return false;
  }

  private get openingNote() {
    return { process: this.process.value };
  }

  private get openingData(): string {
    return JSON.stringify(this.openingNote);
  }
}
