import { readFileSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describeError, makeDirectory } from '../common/index.js';
import type { Log } from '../common/index.js';
import { EncryptionError } from '../encryption/index.js';
import type { Sealer } from '../encryption/index.js';

const TIME_DIGITS = 15;
const ENTRY = /^\d{15}-[0-9a-f]{16}\.sealed$/;
const SET_ASIDE = 'set-aside';
/** What reading a file fails with that will fail again: another try would only hold things up. */
const UNREADABLE = new Set(['EACCES', 'EPERM', 'EISDIR', 'ELOOP']);

/** How entries of an earlier release were written down. */
export interface EarlierFormat<T> {
  readonly purpose: string;
  readonly deserialise: (text: string) => T;
}

export const isEarlierEntry = (entry: string): boolean => ENTRY.test(entry);

/**
 * Answers that a release before the journal left uncommitted: a sealed file for each, sealed under
 * its own name. They are read and removed; none are written any more.
 */
export class EarlierEntries<T> {
  setAsideCount = 0;
  /** Entries that are done with and whose files could not be removed. */
  private readonly done = new Set<string>();

  constructor(
    private readonly directory: string,
    private readonly sealer: Pick<Sealer, 'open'>,
    private readonly log: Log,
    private readonly format: EarlierFormat<T>,
  ) {}

  /**
   * Entries in the directory, oldest answer first; none where there is no directory.
   *
   * @param before milliseconds since the epoch: only answers that were asked for earlier
   */
  list(before: number): string[] {
    return this.names()
      .filter((name) => isEarlierEntry(name) && Number(name.slice(0, TIME_DIGITS)) < before)
      .filter((name) => !this.done.has(name))
      .sort();
  }

  remove(entry: string): void {
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
  read(entry: string): T | undefined {
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
      return deserialise(this.sealer.open(sealed, [purpose, entry]));
    } catch (error) {
      this.setAside(entry, error instanceof EncryptionError ? error.code : 'unreadable');
      return undefined;
    }
  }

  setAside(entry: string, reason: string): void {
    this.setAsideCount += 1;
    this.log.event('error', 'spool.set_aside', { entry, reason });
    try {
      makeDirectory(join(this.directory, SET_ASIDE), 0o700);
      renameSync(join(this.directory, entry), join(this.directory, SET_ASIDE, entry));
    } catch (error) {
      this.done.add(entry);
      this.log.event('error', 'spool.set_aside_failed', { reason: describeError(error).message });
    }
  }

  private names(): string[] {
    try {
      return readdirSync(this.directory);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw error;
    }
  }
}
