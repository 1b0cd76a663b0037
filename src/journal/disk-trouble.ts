import { basename } from 'node:path';
import { describeError } from '../common/index.js';
import type { Log, LogEvent } from '../common/index.js';
import type { JournalStatus } from './journal-options.js';

/** Milliseconds in which one of a kind is reported: a disk that is nearly full takes one write and not the next. */
const TOLD_EVERY_MS = 60_000;

/** Counts failures of the journal's disk, and reports the first of a row of them. */
export class DiskTrouble {
  private failing = false;
  private readonly told = new Map<LogEvent, number>();
  private failures = 0;
  private lastError: string | undefined;

  constructor(
    private readonly directory: string,
    private readonly log: Log,
    private readonly monotonic: () => number,
  ) {}

  get status(): Pick<JournalStatus, 'writable' | 'failures' | 'lastError'> {
    return { writable: !this.failing, failures: this.failures, lastError: this.lastError };
  }

  /** Something could be written again. */
  over(): void {
    this.failing = false;
  }

  /**
   * A full disk is reported once, until something could be written again, and once a minute then; the count
   * goes on.
   *
   * @param lines how many records could not be written
   */
  tell(event: LogEvent, error: unknown, lines = 0): void {
    const reported = this.failing;
    this.failing = true;
    this.failures += lines;
    this.lastError = (error as NodeJS.ErrnoException).code ?? 'unknown';
    const now = this.monotonic();
    if (reported || now - (this.told.get(event) ?? -Infinity) < TOLD_EVERY_MS) return;
    this.told.set(event, now);
    this.log.event('error', event, {
      reason: describeError(error).message,
      directory: basename(this.directory),
    });
  }
}
