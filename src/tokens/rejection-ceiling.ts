import { performance } from 'node:perf_hooks';
import { Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { rateLimited } from '../common/index.js';
import { grantKeyText } from '../grants/index.js';
import type { GrantKey } from '../grants/index.js';

/** Rejections of one grant by one client that may have its token rotated within {@link WINDOW_MS}. */
const CEILING = 20;
const WINDOW_MS = 60_000;
/** Pairs of client and grant remembered at most; one has at most {@link CEILING} numbers. */
const CAPACITY = 5000;

interface Reported {
  /** The highest version that was counted. */
  version: number;
  /** Monotonic milliseconds, oldest first. */
  at: number[];
}

/**
 * Keeps a client from having a user's token rotated over and over. A version counts once, however
 * many report it. A report about an old version does not count: it rotates nothing.
 */
@Injectable()
export class RejectionCeiling {
  private readonly reported = new LRUCache<string, Reported>({ max: CAPACITY });

  /** @throws VaultError 429 `rate_limited` */
  assert(clientId: string, key: GrantKey, version: number): void {
    const text = `${clientId} ${grantKeyText(key)}`;
    const reported = this.reported.get(text) ?? { version: 0, at: [] };
    if (version <= reported.version) return;
    const now = performance.now();
    const at = reported.at.filter((each) => now - each < WINDOW_MS);
    const [oldest = now] = at;
    if (at.length >= CEILING) throw rateLimited(Math.ceil((oldest + WINDOW_MS - now) / 1000));
    this.reported.set(text, { version, at: [...at, now] });
  }
}
