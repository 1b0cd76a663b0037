import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { EncryptionError, isUnknownKey } from '../encryption/index.js';
import type { Sealer } from '../encryption/index.js';
import type { JournalEntry, JournalIndex } from './journal-index.js';
import type { JournalWriter } from './journal-writer.js';
import { SETTLED, decodeLine, recordId, sequenceOf, settlementsIn } from './record.js';
import type { Settlement } from './record.js';
import { readLines, textAt, writerOf } from './segment.js';
import type { SetAside } from './set-aside.js';

/** What reading something fails with that is no file: another try would only hold things up. */
const NO_FILE = new Set(['EISDIR', 'ELOOP']);
/** What reading another user's file fails with, whose process may be writing to it. */
const NOT_OURS = new Set(['EACCES', 'EPERM']);

interface KnownFile {
  readonly writer: string;
  /** Bytes read, or written by this process. */
  size: number;
  /** Monotonic time when it was seen to grow last. */
  grownAt: number;
  /** Lines in it under a key that this process lacks. */
  foreign: number;
}

interface UnusableLine {
  readonly id: string;
  readonly text: string;
  readonly reason: string;
}

interface FileOptions {
  readonly directory: string;
  /** This process's own name as a writer. */
  readonly writer: string;
  /** Milliseconds for which a settled record is kept. */
  readonly retention: number;
  /** Milliseconds that one file is written to at most. */
  readonly segmentAge: number;
  readonly monotonic: () => number;
}

/**
 * The files of a journal's directory, of this process and of those that share it: reads what others
 * have written into the index, and drops the files whose records need not be remembered any more.
 */
export class JournalFiles {
  private readonly known = new Map<string, KnownFile>();
  private closedToUs = 0;

  constructor(
    private readonly options: FileOptions,
    private readonly sealer: Pick<Sealer, 'open'>,
    private readonly index: JournalIndex,
    private readonly aside: SetAside,
  ) {}

  get count(): number {
    return this.known.size;
  }

  /** Lines of others under a key that this process lacks. */
  get foreign(): number {
    return [...this.known.values()].reduce((sum, { foreign }) => sum + foreign, 0);
  }

  /** Files of another user's processes, which may not be read. They stay where they are. */
  get closed(): number {
    return this.closedToUs;
  }

  /** Whether there is a file of this process. */
  get hasOwn(): boolean {
    return [...this.known.values()].some(({ writer }) => writer === this.options.writer);
  }

  /** Processes whose records are in the directory, beside this one. */
  get otherWriters(): ReadonlySet<string> {
    const { writer: own } = this.options;
    return new Set(
      [...this.known.values()].flatMap(({ writer }) => (writer === own ? [] : [writer])),
    );
  }

  /** Notes that a file was seen to be so long; by this process, or another one. */
  grown(path: string, writer: string, size: number, foreign = 0): void {
    const before = this.known.get(path)?.foreign ?? 0;
    this.known.set(path, {
      writer,
      size,
      grownAt: this.options.monotonic(),
      foreign: before + foreign,
    });
  }

  /**
   * Reads what other processes have written since the last look.
   *
   * @returns lines that can't be opened
   * @throws what the disk says
   */
  readOthers(): UnusableLine[] {
    const { directory, writer: own } = this.options;
    const unusable: UnusableLine[] = [];
    let closed = 0;
    for (const name of namesIn(directory)) {
      const writer = writerOf(name);
      if (writer === undefined || writer === own) continue;
      const path = join(directory, name);
      try {
        unusable.push(...this.readGrowth(path, writer));
      } catch (error) {
        const { code = '' } = error as NodeJS.ErrnoException;
        if (NOT_OURS.has(code)) {
          closed += 1;
          continue;
        }
        if (NO_FILE.has(code) && this.aside.file(name, code)) continue;
        // Dropped by another process meanwhile; other trouble of the disk may pass.
        if (code !== 'ENOENT') throw error;
        this.forget(path);
      }
    }
    this.closedToUs = closed;
    return unusable;
  }

  /** Drops what is old; the present file of this process stays. @throws what the disk says */
  dropOld(writer: JournalWriter): void {
    for (const [path, file] of [...this.known].sort(([a], [b]) => (a < b ? -1 : 1))) {
      if (path !== writer.path) this.dropIfOld(path, file, writer);
    }
  }

  private readGrowth(path: string, writer: string): UnusableLine[] {
    const unusable: UnusableLine[] = [];
    const from = this.known.get(path)?.size ?? 0;
    const lines = readLines(path, from);
    let foreign = 0;
    for (const { text, offset } of lines) {
      try {
        const record = decodeLine(this.sealer, writer, text);
        const { id, kind, key, version, at } = record;
        const place = { path, offset, length: text.length };
        if (kind === SETTLED) this.settle(settlementsIn(record));
        else this.index.add({ id, kind, key, version, at, ...place, settled: false });
      } catch (error) {
        // It may be the only copy of an answer. Whoever has the key works with it, or this process
        // once it is started with that key.
        if (isUnknownKey(error)) {
          foreign += 1;
          continue;
        }
        const id = recordId(writer, sequenceOf(text) ?? -offset);
        unusable.push({ id, text, reason: reasonOf(error) });
      }
    }
    const last = lines.at(-1);
    if (last) this.grown(path, writer, last.offset + last.text.length + 1, foreign);
    else if (from === 0 && !this.known.has(path)) this.grown(path, writer, 0);
    return unusable;
  }

  private settle(settled: readonly Settlement[]): void {
    for (const { id, version } of settled) this.index.settle(id, version);
  }

  private dropIfOld(path: string, file: KnownFile, writer: JournalWriter): void {
    const own = file.writer === this.options.writer;
    // Another process may still append to its file.
    const age = own ? this.options.retention : this.options.retention + 4 * this.options.segmentAge;
    if (this.options.monotonic() - file.grownAt < age) return;
    if (!existsSync(path)) {
      this.forget(path);
      return;
    }
    // What it holds can't be known here: it is not this process that drops it.
    if (file.foreign > 0) return;
    const open = this.index.inFile(path).filter(({ settled }) => !settled);
    if (open.length > 0 && !own) return;
    // What would keep a whole file (its row is locked for hours) is copied to the newest one.
    for (const entry of open) this.carryForward(entry, writer);
    writer.write();
    if (this.index.inFile(path).some(({ settled }) => !settled)) return;
    rmSync(path, { force: true });
    this.forget(path);
  }

  private carryForward(entry: JournalEntry, writer: JournalWriter): void {
    writer.add({
      text: `${textAt(entry)}\n`,
      placed: (path, offset) => {
        this.index.move(entry.id, { path, offset });
      },
      done: undefined,
    });
  }

  private forget(path: string): void {
    for (const { id } of this.index.inFile(path)) this.index.remove(id);
    this.known.delete(path);
  }
}

/** @returns none where the directory is gone: it is made anew with the next file */
function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory).sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** Why a line can't be used. */
export const reasonOf = (error: unknown): string =>
  error instanceof EncryptionError ? error.code : 'unreadable';
