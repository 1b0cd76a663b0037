import type { JournalWriter } from './journal-writer.js';
import { settledRecord, writerOfRecord } from './record.js';
import type { NewRecord, Settlement } from './record.js';

/**
 * What is settled and not written down as such yet. It is written in one line with all that are
 * settled in the same turn, as the records of a batch of commits are. Nobody waits for it: to settle
 * twice does no harm.
 */
export class Settlements {
  /** By who wrote the records. */
  private noted = new Map<string, Settlement[]>();

  /** @param encode makes the line of a record */
  constructor(
    private readonly writer: Pick<JournalWriter, 'add' | 'write'>,
    private readonly encode: (content: NewRecord) => string,
  ) {}

  note(id: string, version: number): void {
    if (this.noted.size === 0) {
      queueMicrotask(() => {
        this.flush();
        this.writer.write();
      });
    }
    const writer = writerOfRecord(id);
    const others = this.noted.get(writer);
    if (others) others.push({ id, version });
    else this.noted.set(writer, [{ id, version }]);
  }

  /** Hands them to the writer of the journal. */
  flush(): void {
    const { noted } = this;
    this.noted = new Map();
    for (const [writer, settled] of noted) {
      const text = this.encode(settledRecord(writer, settled));
      this.writer.add({ text, placed: () => undefined, done: undefined });
    }
  }
}
