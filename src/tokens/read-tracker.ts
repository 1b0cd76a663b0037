import { Injectable } from '@nestjs/common';
import { grantKeyText } from './grant.js';
import type { GrantKey } from './grant.js';

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
   * Writes what came since the last time, in the order of the names so that replicas do not lock
   * each other's rows crosswise. What could not be written is kept for the next time.
   */
  async flush(write: (batch: readonly Read[]) => Promise<void>): Promise<void> {
    const reads = [...this.reads.entries()].sort(([a], [b]) => (a < b ? -1 : 1));
    this.reads = new Map();
    for (let start = 0; start < reads.length; start += BATCH) {
      try {
        await write(reads.slice(start, start + BATCH).map(([, read]) => read));
      } catch (error) {
        for (const [text, read] of reads.slice(start)) {
          if (!this.reads.has(text)) this.reads.set(text, read);
        }
        throw error;
      }
    }
  }
}
