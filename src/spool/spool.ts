import { randomBytes } from 'node:crypto';
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describeError } from '../common/index.js';
import type { Log } from '../common/index.js';
import { EncryptionError } from '../encryption/index.js';
import type { Sealer } from '../encryption/index.js';

const TIME_DIGITS = 15;
const ENTRY = /^\d{15}-[0-9a-f]{16}\.sealed$/;
const SET_ASIDE = 'set-aside';
/** What reading a file fails with that will fail again: another try would only hold things up. */
const UNREADABLE = new Set(['EACCES', 'EPERM', 'EISDIR', 'ELOOP']);
/** Milliseconds after which a half entry is not being written any more. */
const HALF_AGE = 60_000;

/** What a spool keeps, and how it is written down. */
export interface SpoolFormat<T> {
  /** What an entry is sealed for: it opens as nothing else. */
  readonly purpose: string;
  /** When the provider was asked for it, in milliseconds since the epoch. */
  readonly askedAt: (item: T) => number;
  readonly serialise: (item: T) => string;
  /** @param text what `serialise` made: nothing else opens */
  readonly deserialise: (text: string) => T;
}

/** An entry of the spool that could be opened. */
export interface Spooled<T> {
  readonly entry: string;
  readonly item: T;
}

/**
 * Answers in hand, on disk. Every answer is written here before it is committed, so that a killed
 * process loses none that it had read; it is flushed to the disk itself once the database proves
 * to be away. Entries are sealed as a whole under their own name. Several processes may share the
 * directory: committing an entry twice is harmless, and so is removing it twice.
 */
export class Spool<T> {
  setAsideCount = 0;
  /** Entries that are done with and whose files could not be removed. */
  private readonly done = new Set<string>();

  constructor(
    private readonly directory: string,
    private readonly sealer: Pick<Sealer, 'seal' | 'open'>,
    private readonly log: Log,
    private readonly format: SpoolFormat<T>,
  ) {}

  /** Creates the directory. @throws when it can't be written to */
  prepare(): void {
    mkdirSync(join(this.directory, SET_ASIDE), { recursive: true, mode: 0o700 });
    const probe = join(this.directory, `.probe-${randomBytes(4).toString('hex')}`);
    closeSync(openSync(probe, 'w', 0o600));
    rmSync(probe);
    this.removeHalves();
  }

  /** Half entries of killed processes: their answers were never whole on the disk. */
  private removeHalves(): void {
    for (const name of readdirSync(this.directory).filter((each) => each.endsWith('.part'))) {
      const path = join(this.directory, name);
      const age = Date.now() - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
      if (age > HALF_AGE) rmSync(path, { force: true });
    }
  }

  /**
   * Entries in the directory, oldest answer first.
   *
   * @param before milliseconds since the epoch: only answers that were asked for earlier
   */
  list(before = Infinity): string[] {
    return readdirSync(this.directory)
      .filter((name) => ENTRY.test(name) && Number(name.slice(0, TIME_DIGITS)) < before)
      .filter((name) => !this.done.has(name))
      .sort();
  }

  /**
   * Writes an answer down. A spool that fails (a full disk) is reported and otherwise ignored: the
   * database may well take the answer.
   *
   * @returns the entry's name, or undefined when it could not be written
   */
  write(item: T): string | undefined {
    const { purpose, askedAt, serialise } = this.format;
    const time = String(Math.max(0, Math.floor(askedAt(item)))).padStart(TIME_DIGITS, '0');
    const entry = `${time}-${randomBytes(8).toString('hex')}.sealed`;
    const path = join(this.directory, entry);
    try {
      const sealed = this.sealer.seal(serialise(item), [purpose, entry]);
      // Written under another name and renamed: a reader never sees half an entry.
      const file = openSync(`${path}.part`, 'w', 0o600);
      try {
        writeFileSync(file, sealed);
      } finally {
        closeSync(file);
      }
      renameSync(`${path}.part`, path);
      return entry;
    } catch (error) {
      this.log.event('error', 'spool.write_failed', { reason: describeError(error).message });
      return undefined;
    }
  }

  /** Makes an entry outlast the machine, not only the process. */
  sync(entry: string | undefined): void {
    if (!entry) return;
    try {
      for (const path of [join(this.directory, entry), this.directory]) {
        const file = openSync(path, 'r');
        try {
          fsyncSync(file);
        } finally {
          closeSync(file);
        }
      }
    } catch (error) {
      this.log.event('error', 'spool.sync_failed', { reason: describeError(error).message });
    }
  }

  remove(entry: string | undefined): void {
    if (!entry) return;
    try {
      rmSync(join(this.directory, entry), { force: true });
    } catch (error) {
      // Committed all the same; found again at the next start, and then known as committed.
      this.done.add(entry);
      this.log.event('error', 'spool.remove_failed', { reason: describeError(error).message });
    }
  }

  /**
   * Opens an entry; one that is corrupt, sealed with a foreign key or not ours to read is set aside
   * and reported.
   *
   * @returns undefined for one that is not there any more, or was set aside
   * @throws when the file can't be read now
   */
  read(entry: string): Spooled<T> | undefined {
    let sealed: Buffer;
    try {
      sealed = readFileSync(join(this.directory, entry));
    } catch (error) {
      const { code = '' } = error as NodeJS.ErrnoException;
      if (UNREADABLE.has(code)) this.setAside(entry, code);
      // Another process that shares the directory was faster.
      else if (code !== 'ENOENT') throw error;
      return undefined;
    }
    try {
      const { purpose, deserialise } = this.format;
      return { entry, item: deserialise(this.sealer.open(sealed, [purpose, entry])) };
    } catch (error) {
      this.setAside(entry, error instanceof EncryptionError ? error.code : 'unreadable');
      return undefined;
    }
  }

  setAside(entry: string | undefined, reason: string): void {
    if (!entry) return;
    this.setAsideCount += 1;
    this.log.event('error', 'spool.set_aside', { entry, reason });
    try {
      mkdirSync(join(this.directory, SET_ASIDE), { recursive: true, mode: 0o700 });
      renameSync(join(this.directory, entry), join(this.directory, SET_ASIDE, entry));
    } catch (error) {
      this.done.add(entry);
      this.log.event('error', 'spool.set_aside_failed', { reason: describeError(error).message });
    }
  }
}
