import { Injectable } from '@nestjs/common';
import { grantKeyText } from '../grants/index.js';
import type { GrantKey } from '../grants/index.js';

/** Grants whose reads are remembered between two writes at most. */
const CAPACITY = 50_000;

/** Reads written by one statement. */
const BATCH = 500;

/** When a grant was read last; milliseconds since the epoch. */
export type Read = GrantKey & { readonly at: number };

/** Collects when grants were read, to be written together now and then. */
@Injectable()
export class ReadTracker {
  private reads = new Map<string, Read>();

  /** @param at milliseconds since the epoch */
  note({ provider, userId, connection }: GrantKey, at: number): void {
    if (this.reads.size >= CAPACITY) return;
    this.reads.set(grantKeyText({ provider, userId, connection }), {
      provider,
      userId,
      connection,
      at,
    });
  }

  /**
   * Writes what came since the last time. What could not be written is kept for the next time.
   *
   * @param write returns what of its batch it could not write
   */
  async flush(write: (batch: readonly Read[]) => Promise<readonly GrantKey[]>): Promise<void> {
    const taken = this.reads;
    this.reads = new Map();
    const reads = [...taken.values()];
    for (let start = 0; start < reads.length; start += BATCH) {
      try {
        this.keep(await write(reads.slice(start, start + BATCH)), taken);
      } catch (error) {
        this.keep(reads.slice(start), taken);
        throw error;
      }
    }
  }

  private keep(keys: readonly GrantKey[], taken: ReadonlyMap<string, Read>): void {
    for (const text of keys.map(grantKeyText)) {
      const read = taken.get(text);
      if (read && !this.reads.has(text)) this.reads.set(text, read);
    }
  }
}
