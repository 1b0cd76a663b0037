import { performance } from 'node:perf_hooks';
import { sampleGrant } from '../../test/support/sample-grant.js';
import { DatabaseClock } from '../database/index.js';
import type { Database, Notifications, StaleTrust } from '../database/index.js';
import { Metrics } from '../metrics/index.js';
import { GrantCache } from './grant-cache.js';
import { OpenedAnswer } from './opened-answer.js';
import { grantKeyText } from '../grants/index.js';
import type { Grant } from '../grants/index.js';

type NotificationHandler = Parameters<Notifications['on']>[1];

const KEY = { provider: 'stitch-money', userId: 'ann', connection: 'default' };
const grant = (version: number, grantId = 'consent-1'): Grant =>
  sampleGrant({ ...KEY, grantId, version, accessToken: Buffer.of(version) });

/** What the cache hears of the database, as told by the test. */
class Ears {
  healthy = true;
  since = -Infinity;
  available = true;
  private handler: NotificationHandler = () => undefined;
  on(_kind: string, handler: NotificationHandler): void {
    this.handler = handler;
  }
  hear(...names: string[]): void {
    this.handler(names);
  }
}

describe('the cache of sealed rows', () => {
  let ears: Ears;
  let cache: GrantCache;
  beforeEach(() => {
    ears = new Ears();
    cache = new GrantCache(
      ears as unknown as Notifications,
      ears as unknown as Database,
      { holds: true } as StaleTrust,
      new DatabaseClock(),
      new Metrics(),
      { bytes: 6000 },
    );
    cache.onModuleInit();
  });
  const now = () => performance.now();
  /** Longer ago than an entry is trusted for without news. */
  const longAgo = () => now() - 60_000;

  it('trusts an entry of any age while nothing can have been missed', () => {
    cache.set(grant(1), longAgo());
    expect(cache.get(KEY)?.version).toBe(1);
  });

  it('does not trust what was read before it began to listen', () => {
    cache.set(grant(1), longAgo());
    ears.since = now() - 30_000;
    expect(cache.get(KEY)).toBeUndefined();
    expect(cache.getStale(KEY)?.version).toBe(1);
  });

  it('trusts an entry for a moment only while it cannot listen', () => {
    ears.healthy = false;
    cache.set(grant(1), now());
    expect(cache.get(KEY)?.version).toBe(1);
    cache.set(grant(1), longAgo());
    expect(cache.get(KEY)).toBeUndefined();
  });

  it('trusts what it has while the database is away: nobody can have changed it', () => {
    Object.assign(ears, { healthy: false, available: false, since: Infinity });
    cache.set(grant(1), longAgo());
    expect(cache.get(KEY)?.version).toBe(1);
  });

  it('drops a row that a notification names, and that row alone', () => {
    cache.set(grant(1), now());
    cache.set({ ...grant(1), userId: 'bob' }, now());
    ears.hear('stitch-money', 'ann', 'default');
    expect(cache.get(KEY)).toBeUndefined();
    expect(cache.getStale(KEY)).toBeUndefined();
    expect(cache.get({ ...KEY, userId: 'bob' })).toBeDefined();
  });

  it('survives a notification that names nothing', () => {
    cache.set(grant(1), now());
    ears.hear();
    ears.hear('stitch-money');
    expect(cache.get(KEY)).toBeDefined();
  });

  it('does not take up a row that was read before it was told of a change', () => {
    const readAt = now();
    ears.hear('stitch-money', 'ann', 'default');
    cache.set(grant(1), readAt);
    expect(cache.get(KEY)).toBeUndefined();
    cache.set(grant(2), now() + 1);
    expect(cache.get(KEY)?.version).toBe(2);
  });

  it('never goes back to an older version of the same consent', () => {
    cache.set(grant(3), now());
    cache.set(grant(2), now());
    expect(cache.get(KEY)?.version).toBe(3);
    cache.set(grant(4), now());
    expect(cache.get(KEY)?.version).toBe(4);
  });

  it('takes a new consent whatever its version', () => {
    cache.set(grant(9), now());
    cache.set(grant(1, 'consent-2'), now());
    expect(cache.get(KEY)?.grantId).toBe('consent-2');
  });

  it('takes what a rotation made of a row it holds, and of no other', () => {
    cache.renew(grant(2));
    expect(cache.get(KEY)).toBeUndefined();
    cache.set(grant(2), now());
    cache.renew(grant(1));
    cache.renew(grant(9, 'consent-2'));
    expect(cache.get(KEY)?.version).toBe(2);
    cache.renew(grant(3));
    expect(cache.get(KEY)?.version).toBe(3);
    cache.invalidate(KEY);
    cache.renew(grant(4));
    expect(cache.get(KEY)).toBeUndefined();
  });

  it('keeps apart names that would run together', () => {
    cache.set({ ...grant(1), userId: 'a', connection: 'b.c' }, now());
    expect(cache.get({ ...KEY, userId: 'a.b', connection: 'c' })).toBeUndefined();
    expect(cache.get({ ...KEY, userId: 'a', connection: 'b.c' })).toBeDefined();
  });

  it('holds no more than it has room for, and drops what was read least recently', () => {
    const names = Array.from({ length: 10 }, (_, n) => ({ ...grant(1), userId: `user-${n}` }));
    for (const each of names) cache.set(each, now());
    expect(cache.get(names[0]!)).toBeUndefined();
    expect(cache.get(names[9]!)).toBeDefined();
    const held = [...cache.grants()].length;
    expect(held).toBeGreaterThan(4);
    expect(held).toBeLessThan(8);
  });

  describe('an opened answer', () => {
    const open = (openedAt: number) => {
      cache.set(grant(1), now());
      const entry = cache.peek(grantKeyText(KEY))!;
      const served = { accessToken: 'token', grant: entry.grant, expiresIn: null };
      cache.keepAnswer(entry, new OpenedAnswer(served, openedAt));
      return entry;
    };

    it('is dropped when its second is over, and not before', () => {
      const entry = open(now() - 500);
      cache.dropAnswers();
      expect(entry.answer).toBeDefined();
      const old = open(now() - 1000);
      cache.dropAnswers();
      expect(old.answer).toBeUndefined();
    });

    it.each([
      [
        'a notification',
        () => {
          ears.hear('stitch-money', 'ann', 'default');
        },
      ],
      [
        'an invalidation of its own',
        () => {
          cache.invalidate(KEY);
        },
      ],
      [
        'a newer row',
        () => {
          cache.set(grant(2), now());
        },
      ],
      [
        'a rotation of its own',
        () => {
          cache.renew(grant(2));
        },
      ],
      [
        'a new consent',
        () => {
          cache.set(grant(1, 'consent-2'), now());
        },
      ],
    ])('goes with what it was opened of: %s', (_what, change) => {
      const entry = open(now());
      change();
      expect(entry.answer).toBeUndefined();
      expect(cache.peek(grantKeyText(KEY))?.answer).toBeUndefined();
    });
  });
});
