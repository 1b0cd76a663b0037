import { open, rm } from 'node:fs/promises';
import type { LineError } from './parse-line.js';

/** A line that was not taken. */
export interface RejectedLine {
  readonly line: number;
  readonly error: LineError;
}

/**
 * The report of rejected lines, one JSON object each: line, field and reason, never a value. Cut
 * back to where the checkpoint stands, so that a resumed import reports no line twice.
 */
export class RejectionReport {
  constructor(
    readonly path: string,
    private size: number,
  ) {}

  get bytes(): number {
    return this.size;
  }

  /** Drops what a run wrote that was interrupted before its checkpoint. */
  async prepare(): Promise<void> {
    if (this.size === 0) {
      await rm(this.path, { force: true });
      return;
    }
    const file = await open(this.path, 'r+');
    await file.truncate(this.size).finally(() => file.close());
  }

  /** On the disk when it resolves. */
  async append(rejected: readonly RejectedLine[]): Promise<void> {
    if (rejected.length === 0) return;
    const text = rejected
      .map(({ line, error: { field, reason } }) => `${JSON.stringify({ line, field, reason })}\n`)
      .join('');
    const file = await open(this.path, 'a', 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    this.size += Buffer.byteLength(text);
  }
}
