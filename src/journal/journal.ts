import { randomBytes } from 'node:crypto';
import { closeSync, openSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import type { Log } from '../common/index.js';
import type { Sealer } from '../encryption/index.js';
import { DiskTrouble } from './disk-trouble.js';
import { JournalFiles, reasonOf } from './journal-files.js';
import { JournalIndex } from './journal-index.js';
import type { JournalEntry } from './journal-index.js';
import type { JournalOptions, JournalStatus } from './journal-options.js';
import { JournalWriter } from './journal-writer.js';
import { decodeLine, encodeLine, recordId, writerOfRecord } from './record.js';
import type { JournalRecord, NewRecord } from './record.js';
import { textAt } from './segment.js';
import { SetAside } from './set-aside.js';
import { Settlements } from './settlements.js';

/** Milliseconds between looks for files that can be dropped; no segment is shorter than this. */
const SWEEP_EVERY_MS = 5000;

/**
 * Sealed records on disk, append-only: answers not committed yet, and for some time what has been
 * committed, so that a database which comes back without its last seconds gets them again. Each
 * process appends to files of its own, so that a directory may be shared. A settled record is kept
 * for the retention and dropped with its whole file.
 */
export class Journal {
  private readonly index = new JournalIndex();
  private readonly files: JournalFiles;
  private readonly writer: JournalWriter;
  private readonly aside: SetAside;
  private readonly trouble: DiskTrouble;
  private readonly settlements: Settlements;
  private sequence = 0;
  private sweeper: NodeJS.Timeout | undefined;

  constructor(
    private readonly options: JournalOptions,
    private readonly sealer: Pick<Sealer, 'seal' | 'open'>,
    log: Log,
  ) {
    const { directory, writer, retention } = options;
    const monotonic = options.monotonic ?? (() => performance.now());
    const segmentAge = Math.max(SWEEP_EVERY_MS, retention / 4);
    this.aside = new SetAside(directory, log);
    this.trouble = new DiskTrouble(directory, log, monotonic);
    const kept = { directory, writer, retention, segmentAge, monotonic };
    this.files = new JournalFiles(kept, sealer, this.index, this.aside);
    this.writer = new JournalWriter({
      directory,
      writer,
      segmentAge,
      monotonic,
      onGrowth: (path, size) => {
        this.trouble.over();
        this.files.grown(path, writer, size);
      },
      onFailure: (step, error, lines) => {
        this.trouble.tell(`spool.${step}_failed`, error, lines);
      },
    });
    this.settlements = new Settlements(this.writer, (content) => this.line(content).text);
  }

  get status(): JournalStatus {
    return {
      ...this.trouble.status,
      unsettled: this.index.unsettledCount,
      remembered: this.index.size,
      segments: this.files.count,
      setAside: this.aside.count,
      foreign: this.files.foreign,
      closed: this.files.closed,
    };
  }

  /**
   * Creates the directory. What is there is read when somebody asks for it, which nobody does before
   * the keyring was compared: a wrong one would set aside what the right one opens.
   *
   * @throws when it can't be written to
   */
  open(): void {
    this.aside.prepare();
    const probe = join(this.options.directory, `.probe-${randomBytes(4).toString('hex')}`);
    closeSync(openSync(probe, 'w', 0o600));
    rmSync(probe);
    this.sweeper ??= setInterval(() => {
      this.sweep();
    }, SWEEP_EVERY_MS).unref();
  }

  /**
   * Ends the files. One is left in any case: whoever shares the directory knows from it that this
   * process has left nothing else, and need not wait for it after an outage.
   */
  close(): void {
    clearInterval(this.sweeper);
    this.sweeper = undefined;
    if (!this.files.hasOwn) this.settlements.note(recordId(this.options.writer, 0), 0);
    this.settlements.flush();
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
    this.settlements.note(entry.id, became);
  }

  /** Says that nothing has come of a record, and that it is not to be remembered. */
  discard(id: string | undefined): void {
    this.settle(id, 0);
  }

  /** Processes whose records were found in the directory, beside this one. */
  get otherWriters(): ReadonlySet<string> {
    return this.files.otherWriters;
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
      text = textAt(entry);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      this.index.remove(id);
      return undefined;
    }
    try {
      return { ...decodeLine(this.sealer, writerOfRecord(id), text), version: entry.version };
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
      text = textAt(entry);
    } catch (error) {
      this.trouble.tell('spool.set_aside_failed', error);
    }
    this.putAside(entry.id, text, reason);
  }

  /** Reads what other processes have written since the last look. @throws what the disk says */
  private refresh(): void {
    for (const { id, text, reason } of this.files.readOthers()) {
      if (!this.index.knows(id)) this.putAside(id, text, reason);
    }
    this.index.endOfPass();
  }

  private line(content: NewRecord): { readonly id: string; readonly text: string } {
    const { writer } = this.options;
    this.sequence += 1;
    const text = encodeLine(this.sealer, writer, this.sequence, content);
    return { id: recordId(writer, this.sequence), text };
  }

  private putAside(id: string, text: string, reason: string): void {
    this.aside.line(id, text, reason);
    this.index.remove(id);
    this.settlements.note(id, 0);
  }

  /** Drops the files whose records need not be remembered any more. Done regularly once open. */
  sweep(): void {
    try {
      this.settlements.flush();
      this.writer.write();
      this.writer.endOldSegment();
      this.files.dropOld(this.writer);
    } catch (error) {
      this.trouble.tell('spool.sweep_failed', error);
    }
  }
}
