import { randomBytes } from 'node:crypto';
import { closeSync, existsSync, openSync, readdirSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { describeError } from '../common/index.js';
import type { Log, LogEvent } from '../common/index.js';
import { EncryptionError, isUnknownKey } from '../encryption/index.js';
import type { Sealer } from '../encryption/index.js';
import { JournalIndex } from './journal-index.js';
import type { JournalEntry } from './journal-index.js';
import { JournalWriter } from './journal-writer.js';
import { SETTLED, decodeLine, encodeLine, recordId, sequenceOf } from './record.js';
import type { JournalRecord, NewRecord } from './record.js';
import { readLines, readPart, writerOf } from './segment.js';
import { SetAside } from './set-aside.js';

/** Milliseconds between looks for files that can be dropped; no segment is shorter than this. */
const SWEEP_EVERY = 5000;
/** What reading a file fails with that will fail again: another try would only hold things up. */
const UNREADABLE = new Set(['EACCES', 'EPERM', 'EISDIR', 'ELOOP']);

export interface JournalOptions {
  readonly directory: string;
  /** A UUID that no other process has. */
  readonly writer: string;
  /** Milliseconds for which a settled record is kept. */
  readonly retention: number;
  /** Monotonic milliseconds: the ages of files are not to depend on a clock that is stepped. */
  readonly monotonic?: () => number;
}

/** How the journal is doing: for readiness and metrics. */
export interface JournalStatus {
  /** False after a write or flush failed, until one succeeds. */
  readonly writable: boolean;
  /** Records that could not be written, or not flushed, since the start. */
  readonly failures: number;
  /** The system's code of the last failure. */
  readonly lastError: string | undefined;
  /** Records that are not settled. */
  readonly unsettled: number;
  /** Records that are kept, settled or not. */
  readonly remembered: number;
  readonly segments: number;
  /** Records that could not be opened, or not be used. */
  readonly setAside: number;
  /** Lines of others under a key that this process lacks: left where they are, for who has it. */
  readonly foreign: number;
}

interface KnownFile {
  readonly writer: string;
  /** Bytes read, or written by this process. */
  size: number;
  /** Monotonic time when it was seen to grow last. */
  grownAt: number;
  /** Lines in it under a key that this process lacks. */
  foreign: number;
}

/**
 * Sealed records on disk, append-only: answers not committed yet, and for some time what has been committed,
 * so that a database which comes back without its last seconds gets them again. Each process
 * appends to files of its own, so that a directory may be shared. A settled record is kept for the
 * retention and dropped with its whole file.
 */
export class Journal {
  private readonly index = new JournalIndex();
  private readonly files = new Map<string, KnownFile>();
  private readonly writer: JournalWriter;
  private readonly aside: SetAside;
  private readonly segmentAge: number;
  private readonly monotonic: () => number;
  private sequence = 0;
  private failing = false;
  private failures = 0;
  private lastError: string | undefined;
  private sweeper: NodeJS.Timeout | undefined;

  constructor(
    private readonly options: JournalOptions,
    private readonly sealer: Pick<Sealer, 'seal' | 'open'>,
    private readonly log: Log,
  ) {
    const { directory, writer, retention } = options;
    this.monotonic = options.monotonic ?? (() => performance.now());
    this.segmentAge = Math.max(SWEEP_EVERY, retention / 4);
    this.aside = new SetAside(directory, log);
    this.writer = new JournalWriter({
      directory,
      writer,
      segmentAge: this.segmentAge,
      monotonic: this.monotonic,
      onGrowth: (path, size) => {
        this.failing = false;
        this.grown(path, writer, size);
      },
      onFailure: (step, error, lines) => {
        this.failures += lines;
        this.failed(`spool.${step}_failed`, error);
      },
    });
  }

  get status(): JournalStatus {
    return {
      writable: !this.failing,
      failures: this.failures,
      lastError: this.lastError,
      unsettled: this.index.unsettledCount,
      remembered: this.index.size,
      segments: this.files.size,
      setAside: this.aside.count,
      foreign: [...this.files.values()].reduce((sum, { foreign }) => sum + foreign, 0),
    };
  }

  /** Creates the directory and reads what is there. @throws when it can't be written to */
  open(): void {
    this.aside.prepare();
    const probe = join(this.options.directory, `.probe-${randomBytes(4).toString('hex')}`);
    closeSync(openSync(probe, 'w', 0o600));
    rmSync(probe);
    this.refresh();
    this.sweeper ??= setInterval(() => {
      this.sweep();
    }, SWEEP_EVERY).unref();
  }

  /**
   * Ends the files. One is left in any case: whoever shares the directory knows from it that this process has
   * left nothing else, and need not wait for it after an outage.
   */
  close(): void {
    clearInterval(this.sweeper);
    this.sweeper = undefined;
    const { writer } = this.options;
    if (![...this.files.values()].some((file) => file.writer === writer)) {
      this.note(recordId(writer, 0), 0);
    }
    this.writer.close();
  }

  /**
   * Writes a record down. A journal that fails (a full disk) is counted, reported and otherwise
   * ignored: the database may well take what the record is about.
   *
   * @returns its id once it would outlast the machine, or the disk has been waited for long enough;
   *   undefined when it could not be written
   */
  append(content: NewRecord): Promise<string | undefined> {
    const { kind, key, version, at } = content;
    const { id, text } = this.line(content);
    const known = { id, kind, key, version, at, length: text.length - 1, settled: false };
    return new Promise((resolve) => {
      this.writer.add({
        text,
        placed: (path, offset) => {
          this.index.add({ ...known, path, offset });
        },
        done: (written) => {
          resolve(written ? id : undefined);
        },
      });
    });
  }

  /**
   * Says that a record needs nothing more: what it is about is committed, or not wanted any more.
   * It is remembered from then on for the retention.
   *
   * @param version what came of it, where that is another version than the record's
   */
  settle(id: string | undefined, version?: number): void {
    const entry = id === undefined ? undefined : this.index.get(id);
    if (!entry || entry.settled) return;
    const became = version ?? entry.version;
    this.index.settle(entry.id, became);
    if (this.options.retention === 0) this.index.remove(entry.id);
    this.note(entry.id, became);
  }

  /** Says that nothing has come of a record, and that it is not to be remembered. */
  discard(id: string | undefined): void {
    this.settle(id, 0);
  }

  /** Processes whose records are in the directory, beside this one. */
  get otherWriters(): ReadonlySet<string> {
    const { writer: own } = this.options;
    return new Set(
      [...this.files.values()].flatMap(({ writer }) => (writer === own ? [] : [writer])),
    );
  }

  /** Records of a kind that are not settled, of all who share the directory, oldest first. */
  unsettled(kind: string): JournalEntry[] {
    this.refresh();
    return this.index.unsettled(kind).sort((a, b) => a.at - b.at);
  }

  /** Records of a kind that are settled and still kept: of each key the newest. */
  remembered(kind: string): JournalEntry[] {
    this.refresh();
    return this.index.settled(kind);
  }

  /**
   * Opens a record. @returns undefined for one that is not there any more, or was set aside
   * @throws when the file can't be read now
   */
  read(id: string): JournalRecord | undefined {
    const entry = this.index.get(id);
    if (!entry) return undefined;
    let text: string;
    try {
      text = this.textOf(entry);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      this.index.remove(id);
      return undefined;
    }
    try {
      const writer = id.slice(0, id.lastIndexOf('/'));
      return { ...decodeLine(this.sealer, writer, text), version: entry.version };
    } catch (error) {
      this.putAside(id, text, reasonOf(error));
      return undefined;
    }
  }

  /** Puts a record that can't be used out of the way, never deleting it. */
  setAside(id: string | undefined, reason: string): void {
    const entry = id === undefined ? undefined : this.index.get(id);
    if (!entry) return;
    let text = '';
    try {
      text = this.textOf(entry);
    } catch (error) {
      this.failed('spool.set_aside_failed', error);
    }
    this.putAside(entry.id, text, reason);
  }

  private line(content: NewRecord): { readonly id: string; readonly text: string } {
    const { writer } = this.options;
    this.sequence += 1;
    const text = encodeLine(this.sealer, writer, this.sequence, content);
    return { id: recordId(writer, this.sequence), text };
  }

  /** Writes down that a record is settled. Nobody waits for it: to settle twice does no harm. */
  private note(id: string, version: number): void {
    const { text } = this.line({ kind: SETTLED, key: id, version, at: 0, payload: '' });
    this.writer.add({ text, placed: () => undefined, done: undefined });
  }

  private textOf({ path, offset, length }: JournalEntry): string {
    return readPart(path, offset, length).toString('latin1');
  }

  private putAside(id: string, text: string, reason: string): void {
    this.aside.line(id, text, reason);
    this.index.remove(id);
    this.note(id, 0);
  }

  private grown(path: string, writer: string, size: number, foreign = 0): void {
    const before = this.files.get(path)?.foreign ?? 0;
    this.files.set(path, { writer, size, grownAt: this.monotonic(), foreign: before + foreign });
  }

  /** Reads what other processes have written since the last look. @throws what the disk says */
  private refresh(): void {
    const { directory, writer: own } = this.options;
    const unusable: { id: string; text: string; reason: string }[] = [];
    for (const name of namesIn(directory)) {
      const writer = writerOf(name);
      if (writer === undefined || writer === own) continue;
      const path = join(directory, name);
      try {
        unusable.push(...this.readGrowth(path, writer));
      } catch (error) {
        const { code = '' } = error as NodeJS.ErrnoException;
        if (UNREADABLE.has(code) && this.aside.file(name, code)) continue;
        // Dropped by another process meanwhile; other trouble of the disk may pass.
        if (code !== 'ENOENT') throw error;
        this.forgetFile(path);
      }
    }
    for (const { id, text, reason } of unusable) {
      if (!this.index.knows(id)) this.putAside(id, text, reason);
    }
    this.index.endOfPass();
  }

  /** @returns lines that can't be opened */
  private readGrowth(path: string, writer: string) {
    const unusable: { id: string; text: string; reason: string }[] = [];
    const from = this.files.get(path)?.size ?? 0;
    const lines = readLines(path, from);
    let foreign = 0;
    for (const { text, offset } of lines) {
      try {
        const { id, kind, key, version, at } = decodeLine(this.sealer, writer, text);
        const place = { path, offset, length: text.length };
        if (kind === SETTLED) this.index.settle(key, version);
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
    else if (from === 0 && !this.files.has(path)) this.grown(path, writer, 0);
    return unusable;
  }

  /** Drops the files whose records need not be remembered any more. Done regularly once open. */
  sweep(): void {
    try {
      this.writer.write();
      this.writer.endOldSegment();
      for (const [path, file] of [...this.files].sort(([a], [b]) => (a < b ? -1 : 1))) {
        if (path !== this.writer.path) this.dropIfOld(path, file);
      }
    } catch (error) {
      this.failed('spool.sweep_failed', error);
    }
  }

  private dropIfOld(path: string, file: KnownFile): void {
    const own = file.writer === this.options.writer;
    // Another process may still append to its file.
    const age = own ? this.options.retention : this.options.retention + 4 * this.segmentAge;
    if (this.monotonic() - file.grownAt < age) return;
    if (file.foreign > 0) {
      // What it holds can't be known here: it is not this process that drops it.
      if (!existsSync(path)) this.forgetFile(path);
      return;
    }
    const open = this.index.inFile(path).filter(({ settled }) => !settled);
    if (open.length > 0 && !own) return;
    // What would keep a whole file (its row is locked for hours) is copied to the newest one.
    for (const entry of open) this.carryForward(entry);
    this.writer.write();
    if (this.index.inFile(path).some(({ settled }) => !settled)) return;
    rmSync(path, { force: true });
    this.forgetFile(path);
  }

  private carryForward(entry: JournalEntry): void {
    this.writer.add({
      text: `${this.textOf(entry)}\n`,
      placed: (path, offset) => {
        this.index.move(entry.id, { path, offset });
      },
      done: undefined,
    });
  }

  private forgetFile(path: string): void {
    for (const { id } of this.index.inFile(path)) this.index.remove(id);
    this.files.delete(path);
  }

  private failed(event: LogEvent, error: unknown): void {
    // A full disk is said once, until something could be written again; `failures` goes on counting.
    const said = this.failing;
    this.failing = true;
    this.lastError = (error as NodeJS.ErrnoException).code ?? 'unknown';
    if (said) return;
    this.log.event('error', event, {
      reason: describeError(error).message,
      directory: basename(this.options.directory),
    });
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

const reasonOf = (error: unknown): string =>
  error instanceof EncryptionError ? error.code : 'unreadable';
