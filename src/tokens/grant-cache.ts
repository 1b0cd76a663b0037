import { performance } from 'node:perf_hooks';
import { Inject, Injectable } from '@nestjs/common';
import type { OnModuleInit } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { LRUCache } from 'lru-cache';
import { cacheConfig } from '../config/index.js';
import type { ConfigType } from '../config/index.js';
import { Database, DatabaseClock, Notifications, StaleTrust } from '../database/index.js';
import { Metrics } from '../metrics/index.js';
import { grantKeyText, judged, remaining } from '../grants/index.js';
import type { Grant, GrantKey } from '../grants/index.js';
import { REUSE_MS } from './opened-answer.js';
import type { OpenedAnswer } from './opened-answer.js';

/** Bytes that an entry takes on the heap beside its sealed tokens and its name: 850 measured, and some room. */
const ENTRY_BYTES = 1000;
/** Invalidations remembered at most. */
const INVALIDATIONS = 50_000;
/** Milliseconds an entry is trusted for while changes elsewhere can't be heard of. */
const UNHEARD_TRUST_MS = 1000;

/** Milliseconds between two looks for opened answers that nobody may send any more. */
const DROP_MS = 250;

/** What is held of a grant. */
export interface CacheEntry {
  readonly grant: Grant;
  /** What was opened of it lately: see `WarmReads`. */
  readonly answer: OpenedAnswer | undefined;
}

interface Entry extends CacheEntry {
  grant: Grant;
  answer: OpenedAnswer | undefined;
  /** Monotonic time before the row was read. */
  readonly readAt: number;
  /** Monotonic time at which its token is dead, whatever is done to the database's clock. */
  endsAt: number;
}

/**
 * Sealed rows, so that a warm read touches no database. Rotations by other replicas need no
 * invalidation, because an access token is good until it expires. Deletions, suspensions and
 * rejections arrive through `LISTEN`. While that is down an entry is trusted for a moment only,
 * unless the database is away as well: then it is believed for as long as `STALE_TRUST` allows.
 */
@Injectable()
export class GrantCache implements OnModuleInit {
  private readonly entries: LRUCache<string, Entry>;
  /** Entries with an opened answer, those opened first before the others. */
  private opened: Entry[] = [];
  /** Invalidations while a row was being read: its content may be older than they are. */
  private readonly invalidatedAt = new LRUCache<string, number>({ max: INVALIDATIONS });

  constructor(
    private readonly notifications: Notifications,
    private readonly database: Database,
    private readonly trust: StaleTrust,
    private readonly clock: DatabaseClock,
    private readonly metrics: Metrics,
    @Inject(cacheConfig.KEY) { bytes }: ConfigType<typeof cacheConfig>,
  ) {
    this.entries = new LRUCache({
      max: Math.ceil(bytes / ENTRY_BYTES),
      maxSize: bytes,
      sizeCalculation: sizeOf,
      dispose: (entry) => {
        entry.answer = undefined;
      },
    });
  }

  onModuleInit(): void {
    this.metrics.value(
      'stitch_vault_cache_entries',
      'Grants in the read cache.',
      () => this.entries.size,
    );
    this.metrics.value(
      'stitch_vault_cache_bytes',
      'Bytes that the read cache takes, by an estimate for each entry.',
      () => this.entries.calculatedSize,
    );
    this.notifications.on('grant', ([provider = '', userId = '', connection = '']) => {
      this.invalidate({ provider, userId, connection });
    });
    this.clock.onStep(({ by }) => {
      if (by < 0) this.setBack(-by);
    });
  }

  /** The row if what is cached of it can be relied on. */
  get(key: GrantKey): Grant | undefined {
    const entry = this.peek(grantKeyText(key));
    this.metrics.cacheReads[entry ? 'hit' : 'miss'] += 1;
    return entry?.grant;
  }

  /** As {@link get}, by the text of the key, without counting the read. */
  peek(text: string): CacheEntry | undefined {
    const entry = this.entries.get(text);
    return entry && this.trusted(entry) ? entry : undefined;
  }

  /** Counts a read that {@link peek} was enough for. */
  countHit(): void {
    this.metrics.cacheReads.hit += 1;
  }

  /** Keeps an opened answer with its entry, until the entry is changed or dropped, or time is up. */
  keepAnswer(entry: CacheEntry, answer: OpenedAnswer): void {
    (entry as Entry).answer = answer;
    this.opened.push(entry as Entry);
  }

  /** Drops opened answers when their time is up, so that no token is open in memory for longer. */
  @Interval('drop-opened-answers', DROP_MS)
  dropAnswers(): void {
    const end = performance.now() - REUSE_MS;
    // An answer that was dropped by its entry, or replaced by a newer one, has its place as well.
    const isOver = ({ answer }: Entry) => !answer || answer.openedAt <= end;
    const keep = this.opened.filter((entry) => !isOver(entry));
    for (const entry of this.opened) if (isOver(entry)) entry.answer = undefined;
    this.opened = keep;
  }

  /** The row as it was last seen, for when the database can't be asked. */
  getStale(key: GrantKey): Grant | undefined {
    const entry = this.entries.get(grantKeyText(key));
    return entry && entry.endsAt > performance.now() ? entry.grant : undefined;
  }

  /** @param readAt monotonic time taken before the row was read */
  set(row: Grant, readAt: number): void {
    const grant = judged(row, this.clock, readAt);
    const text = grantKeyText(grant);
    if ((this.invalidatedAt.get(text) ?? -Infinity) >= readAt) return;
    const known = this.entries.peek(text);
    if (known?.grant.grantId === grant.grantId && known.grant.version > grant.version) return;
    const endsAt = this.endOf(grant);
    this.entries.set(text, { grant, readAt, endsAt, answer: undefined });
  }

  /**
   * Replaces a cached row by what a rotation of this process made of it. The new token can then be
   * served when the database goes away. A row that is still cached was not invalidated since it was
   * read, so its entry is trusted as before.
   */
  renew(row: Grant): void {
    const grant = judged(row, this.clock);
    const known = this.entries.peek(grantKeyText(grant));
    if (known?.grant.grantId !== grant.grantId || known.grant.version >= grant.version) return;
    // In the entry itself: nobody has read it, and to whom it is of use has not changed.
    known.grant = grant;
    known.answer = undefined;
    known.endsAt = this.endOf(grant);
  }

  /** All rows that are held, for when the database has forgotten some of them. */
  *grants(): Iterable<Grant> {
    for (const { grant } of this.entries.values()) yield grant;
  }

  /** Changes with every invalidation of the key. */
  epoch(key: GrantKey): number {
    return this.invalidatedAt.get(grantKeyText(key)) ?? 0;
  }

  invalidate(key: GrantKey): void {
    const text = grantKeyText(key);
    this.entries.delete(text);
    this.invalidatedAt.set(text, performance.now());
  }

  /** Moves what is held with the database's clock: then it tells the truth of what a token has left. */
  private setBack(by: number): void {
    for (const entry of this.entries.values()) {
      const { grant } = entry;
      const { obtainedAt, expiresAt } = grant;
      if (expiresAt === null) continue;
      entry.grant = { ...grant, obtainedAt: obtainedAt - by, expiresAt: expiresAt - by };
      entry.answer = undefined;
    }
  }

  private endOf(grant: Grant): number {
    return performance.now() + remaining(grant, this.clock.now());
  }

  private trusted(entry: Entry): boolean {
    // Both clocks have to call it alive: the database's may be set back.
    if (entry.endsAt <= performance.now()) return false;
    if (this.notifications.healthy && entry.readAt >= this.notifications.since) return true;
    const away = !this.database.available && this.trust.holds;
    return away || performance.now() - entry.readAt < UNHEARD_TRUST_MS;
  }
}

/** A rotation that puts other tokens into an entry leaves it its size: they are as long as before. */
function sizeOf({ grant }: Entry, text: string): number {
  const { accessToken, refreshToken } = grant;
  return ENTRY_BYTES + text.length + accessToken.length + (refreshToken?.length ?? 0);
}
