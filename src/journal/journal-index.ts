import type { JournalRecord } from './record.js';

/** Where a record lies, and what of it is known without opening it. */
export interface JournalEntry extends Omit<JournalRecord, 'payload'> {
  readonly path: string;
  /** Bytes from the start of the file, and of the line without its end. */
  readonly offset: number;
  readonly length: number;
  readonly settled: boolean;
}

/** An entry as the index keeps it: changed in place, since there is one for each rotation. */
interface KnownEntry extends JournalEntry {
  path: string;
  offset: number;
  version: number;
  settled: boolean;
}

/**
 * What the journal's files hold, without the contents. A settled record is remembered until a newer
 * one of the same kind and key is settled, or its file is dropped.
 */
export class JournalIndex {
  private readonly entries = new Map<string, KnownEntry>();
  private readonly open = new Set<string>();
  /** The newest settled record of each kind and key. */
  private readonly newest = new Map<string, Map<string, KnownEntry>>();
  /** Settled before the record was found: files are not read in the order of their writing. */
  private readonly early = new Map<string, number>();

  get size(): number {
    return this.entries.size;
  }

  get unsettledCount(): number {
    return this.open.size;
  }

  get(id: string): JournalEntry | undefined {
    return this.entries.get(id);
  }

  /** Whether a record was found, or was heard of as settled since {@link endOfPass}. */
  knows(id: string): boolean {
    return this.entries.has(id) || this.early.has(id);
  }

  unsettled(kind: string): JournalEntry[] {
    return [...this.open].flatMap((id) => {
      const entry = this.entries.get(id);
      return entry?.kind === kind ? [entry] : [];
    });
  }

  settled(kind: string): JournalEntry[] {
    return [...this.entries.values()].filter((entry) => entry.settled && entry.kind === kind);
  }

  inFile(path: string): JournalEntry[] {
    return [...this.entries.values()].filter((entry) => entry.path === path);
  }

  /** @param entry the index's own from now on */
  add(entry: JournalEntry): void {
    this.entries.set(entry.id, entry);
    this.open.add(entry.id);
    const version = this.early.get(entry.id);
    if (version !== undefined) this.settle(entry.id, version);
  }

  /** The same record, at another place. */
  move(id: string, place: Pick<JournalEntry, 'path' | 'offset'>): void {
    const entry = this.entries.get(id);
    if (entry) Object.assign(entry, place);
  }

  /**
   * @param version what has become of it: a commit may give it another than was expected; 0 for
   *   what is not to be remembered
   */
  settle(id: string, version: number): void {
    const known = this.entries.get(id);
    if (!known) {
      this.early.set(id, version);
      return;
    }
    if (known.settled) return;
    if (version === 0) {
      this.remove(id);
      return;
    }
    this.open.delete(id);
    const newest = this.newestOf(known.kind);
    const before = newest.get(known.key);
    if (before && before.version > version) {
      this.entries.delete(id);
      return;
    }
    if (before) this.entries.delete(before.id);
    known.version = version;
    known.settled = true;
    newest.set(known.key, known);
  }

  remove(id: string): void {
    const entry = this.entries.get(id);
    if (!entry) return;
    this.entries.delete(id);
    this.open.delete(id);
    const newest = this.newestOf(entry.kind);
    if (newest.get(entry.key) === entry) newest.delete(entry.key);
  }

  /**
   * Call it when all files have been read as far as they went: a record is written before the word
   * that it is settled, so that what was not found by now will not be.
   */
  endOfPass(): void {
    this.early.clear();
  }

  private newestOf(kind: string): Map<string, KnownEntry> {
    const known = this.newest.get(kind);
    if (known) return known;
    const newest = new Map<string, KnownEntry>();
    this.newest.set(kind, newest);
    return newest;
  }
}
