import { appendFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { describeError, makeDirectory } from '../common/index.js';
import type { Log } from '../common/index.js';

const FOLDER = 'set-aside';

/** Where records go that can't be used: out of the way, and never deleted. */
export class SetAside {
  count = 0;

  constructor(
    private readonly directory: string,
    private readonly log: Log,
  ) {}

  /** @throws what the disk says */
  prepare(): void {
    makeDirectory(this.folder, 0o700);
  }

  /** A record, sealed as it was. */
  line(entry: string, line: string, reason: string): void {
    this.keep(entry, reason, () => {
      const name = `${entry.slice(0, 36)}.lines`;
      appendFileSync(join(this.folder, name), `${line}\n`, { mode: 0o600 });
    });
  }

  /** A file of the directory. */
  file(name: string, reason: string): boolean {
    return this.keep(name, reason, () => {
      renameSync(join(this.directory, name), join(this.folder, name));
    });
  }

  private keep(entry: string, reason: string, deed: () => void): boolean {
    this.count += 1;
    this.log.event('error', 'spool.set_aside', { entry, reason });
    try {
      this.prepare();
      deed();
      return true;
    } catch (error) {
      this.log.event('error', 'spool.set_aside_failed', { reason: describeError(error).message });
      return false;
    }
  }

  private get folder(): string {
    return join(this.directory, FOLDER);
  }
}
