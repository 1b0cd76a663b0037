import { ReceiverPatience } from './receiver-patience.js';

const HOUR_MS = 3_600_000;
const refused = (retryAfterMs?: number) =>
  ({
    kind: 'refused',
    reason: 'http_429',
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  }) as const;
const GONE = { kind: 'gone', reason: 'http_410' } as const;

describe('patience with a receiver of webhooks', () => {
  it.each([
    [0, 1000],
    [30_000, 30_000],
    [HOUR_MS, HOUR_MS],
    [24 * HOUR_MS, HOUR_MS],
  ])(
    'follows a Retry-After of %i ms with a pause of all events, of at most an hour',
    (asked, wait) => {
      const patience = new ReceiverPatience();
      const retryIn = patience.failed(refused(asked), 1000, 1);
      expect(retryIn).toBeGreaterThanOrEqual(asked === 0 ? 500 : wait);
      expect(retryIn).toBeLessThanOrEqual(wait);
      expect(patience.isPaused(1000 + wait - 1)).toBe(asked > 0);
      expect(patience.isPaused(1000 + wait)).toBe(false);
    },
  );

  it('waits longer from attempt to attempt, and never longer than an hour', () => {
    const patience = new ReceiverPatience();
    for (const [attempts, longest] of [
      [1, 1000],
      [2, 2000],
      [5, 16_000],
      [40, HOUR_MS],
    ] as const) {
      const retryIn = patience.failed(refused(), 0, attempts);
      expect(retryIn).toBeGreaterThanOrEqual(longest / 2);
      expect(retryIn).toBeLessThanOrEqual(longest);
    }
    expect(patience.isPaused(0)).toBe(false);
  });

  it('believes a 410 after an hour of them, and not while anything else is answered between', () => {
    const patience = new ReceiverPatience();
    expect(patience.failed(GONE, 0, 1)).not.toBeNull();
    expect(patience.failed({ kind: 'unreachable', reason: 'econnrefused' }, 1, 1)).not.toBeNull();
    expect(patience.failed(GONE, HOUR_MS - 1, 9)).not.toBeNull();
    expect(patience.failed(GONE, HOUR_MS, 10)).toBeNull();
    patience.delivered();
    expect(patience.failed(GONE, HOUR_MS + 1, 1)).not.toBeNull();
    expect(patience.failed(refused(), HOUR_MS + 2, 1)).not.toBeNull();
    expect(patience.failed(GONE, 2 * HOUR_MS + 1, 1)).not.toBeNull();
  });
});
