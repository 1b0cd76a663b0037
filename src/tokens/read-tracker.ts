import { Injectable } from '@nestjs/common';
import { grantKeyText } from './grant.js';
import type { GrantKey } from './grant.js';

/** Grants whose reads are remembered between two writes at most. */
const CAPACITY = 50_000;

/** Collects when grants were read, to be written together now and then. */
@Injectable()
export class ReadTracker {
  private reads = new Map<string, GrantKey & { at: number }>();

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

  /** What came since the last call. */
  take(): (GrantKey & { at: number })[] {
    const taken = [...this.reads.values()];
    this.reads = new Map();
    return taken;
  }
}
