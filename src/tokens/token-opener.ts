import { Injectable } from '@nestjs/common';
import { DatabaseClock } from '../database/index.js';
import { TokenSealer, remaining } from '../grants/index.js';
import type { Grant } from '../grants/index.js';
import { ReadTracker } from './read-tracker.js';

/** An opened token with what the caller needs to know of it. */
export interface ServedToken {
  readonly accessToken: string;
  readonly grant: Grant;
  /** Whole seconds, rounded down; null for a token that never expires. */
  readonly expiresIn: number | null;
}

/** Opens tokens for those who may read them, and notes that they were read. */
@Injectable()
export class TokenOpener {
  constructor(
    private readonly sealer: TokenSealer,
    private readonly reads: ReadTracker,
    private readonly clock: DatabaseClock,
  ) {}

  /** @throws EncryptionError */
  open(grant: Grant): ServedToken {
    const now = this.clock.now();
    this.reads.note(grant, now);
    return {
      accessToken: this.sealer.open(grant.accessToken, 'access_token', grant),
      grant,
      expiresIn: secondsLeft(grant, now),
    };
  }
}

/** Whole seconds that a token has left, rounded down; null for one that never expires. */
export function secondsLeft(grant: Grant, now: number): number | null {
  const left = remaining(grant, now);
  return left === Infinity ? null : Math.floor(left / 1000);
}
