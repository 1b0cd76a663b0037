import type { Log } from '../common/index.js';
import type { Sealer } from '../encryption/index.js';
import { EarlierEntries, isEarlierEntry } from './earlier-entries.js';
import type { Journal } from './journal.js';

/** How things of one kind are written down. */
export interface ShelfFormat<T> {
  readonly kind: string;
  /** What entries of the spool, which the journal has taken the place of, were sealed for. */
  readonly purpose: string;
  /** Of things with the same key the newest version counts. */
  readonly keyOf: (item: T) => string;
  readonly versionOf: (item: T) => number;
  /** When the provider was asked for it, in milliseconds since the epoch. */
  readonly askedAt: (item: T) => number;
  readonly serialise: (item: T) => string;
  /** @param text what `serialise` made: nothing else opens */
  readonly deserialise: (text: string) => T;
}

/** A thing that could be opened. */
export interface Shelved<T> {
  readonly entry: string;
  readonly item: T;
  /** What it has become, or is to become. */
  readonly version: number;
}

/**
 * The journal's records of one kind, as things, together with the entries that an earlier release
 * left in its spool: those are read and removed, and no new ones are written.
 */
export class Shelf<T> {
  private readonly earlier: EarlierEntries<T>;

  /** @param directory where the spool of an earlier release was */
  constructor(
    private readonly journal: Journal,
    private readonly format: ShelfFormat<T>,
    directory: string,
    sealer: Pick<Sealer, 'open'>,
    log: Log,
  ) {
    this.earlier = new EarlierEntries(directory, sealer, log, format);
  }

  /** Things of an earlier release that could not be used. */
  get setAsideCount(): number {
    return this.earlier.setAsideCount;
  }

  /** See {@link Journal.append}. */
  write(item: T): Promise<string | undefined> {
    const { kind, keyOf, versionOf, askedAt, serialise } = this.format;
    return this.journal.append({
      kind,
      key: keyOf(item),
      version: versionOf(item),
      at: askedAt(item),
      payload: serialise(item),
    });
  }

  /** See {@link Journal.settle}. */
  settle(entry: string | undefined, version?: number): void {
    if (entry !== undefined && isEarlierEntry(entry)) this.earlier.remove(entry);
    else this.journal.settle(entry, version);
  }

  /** See {@link Journal.discard}. */
  discard(entry: string | undefined): void {
    if (entry !== undefined && isEarlierEntry(entry)) this.earlier.remove(entry);
    else this.journal.discard(entry);
  }

  /**
   * What is not settled, of all processes that share the directory, oldest first.
   *
   * @param before milliseconds since the epoch: only what was asked for earlier
   * @throws what the disk says
   */
  list(before = Infinity): string[] {
    const records = this.journal.unsettled(this.format.kind).filter(({ at }) => at < before);
    return [...this.earlier.list(before), ...records.map(({ id }) => id)];
  }

  /** What is settled and still remembered: of each key the newest. @throws what the disk says */
  remembered(): string[] {
    return this.journal.remembered(this.format.kind).map(({ id }) => id);
  }

  /**
   * @returns undefined for what is not there any more, or had to be set aside
   * @throws when it can't be read now
   */
  read(entry: string): Shelved<T> | undefined {
    if (isEarlierEntry(entry)) {
      const item = this.earlier.read(entry);
      return item && { entry, item, version: this.format.versionOf(item) };
    }
    const record = this.journal.read(entry);
    if (!record) return undefined;
    try {
      return { entry, item: this.format.deserialise(record.payload), version: record.version };
    } catch {
      this.journal.setAside(entry, 'unreadable');
      return undefined;
    }
  }

  setAside(entry: string | undefined, reason: string): void {
    if (entry !== undefined && isEarlierEntry(entry)) this.earlier.setAside(entry, reason);
    else this.journal.setAside(entry, reason);
  }
}
