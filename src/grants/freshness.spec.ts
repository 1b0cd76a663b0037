import fc from 'fast-check';
import { sampleGrant } from '../../test/support/sample-grant.js';
import { alive, fresh, neededTtl, rejected, remaining } from './freshness.js';
import type { Grant } from './grant.js';
import { refreshDueAt } from './refresh-due.js';

const NOW = 1_800_000_000_000;
const token = (left: number | null, change: Partial<Grant> = {}): Grant =>
  sampleGrant({
    obtainedAt: NOW,
    expiresAt: left === null ? null : NOW + left,
    version: 3,
    ...change,
  });

describe('whether a token can be served', () => {
  it.each([
    [900_000, true],
    [1000, true],
    [999, false],
    [0, false],
    [-1, false],
    [null, true],
  ])('with %j ms left: %s', (left, expected) => {
    expect(alive(token(left), NOW)).toBe(expected);
  });

  it.each([
    [null, false],
    [2, false],
    [3, true],
    [4, true],
  ])('version 3 after a report of version %j is rejected: %s', (rejectedVersion, expected) => {
    const grant = token(900_000, { rejectedVersion });
    expect({ rejected: rejected(grant), alive: alive(grant, NOW) }).toEqual({
      rejected: expected,
      alive: !expected,
    });
  });

  it('is not one that was ended since the clock was set back, whatever the clock says', () => {
    for (let now = NOW - 60_000; now < NOW + 60_000; now += 100) {
      const ended = token(-10_000);
      expect([alive(ended, now), fresh(ended, 0, now)]).toEqual([false, false]);
    }
  });

  it('counts what is left from now, and a token that never expires as endless', () => {
    expect(remaining(token(5000), NOW + 2000)).toBe(3000);
    expect(remaining(token(null), NOW)).toBe(Infinity);
  });
});

describe('how long a token must have left', () => {
  it.each([
    [900_000, 30, 30_000],
    [900_000, 0, 0],
    [900_000, 720, 720_000],
    [900_000, 721, 720_000],
    [900_000, 3600, 720_000],
    [20_000, 30, 16_000],
    [null, 3600, 0],
  ])('of %j ms, when %i s are asked for: %i ms', (lifetime, minTtl, expected) => {
    expect(neededTtl(token(lifetime), minTtl)).toBe(expected);
  });

  it('is never more than a new token has: no token is rotated at every read', () => {
    const lifetime = fc.integer({ min: 1000, max: 86_400_000 });
    fc.assert(
      fc.property(lifetime, fc.integer({ min: 0, max: 3600 }), (milliseconds, minTtl) => {
        expect(neededTtl(token(milliseconds), minTtl)).toBeLessThan(milliseconds);
      }),
    );
  });
});

describe('when a token is due for refresh', () => {
  const due = (lifetime: number, lead: number, random: number) =>
    (refreshDueAt({ obtainedAt: NOW, expiresAt: NOW + lifetime }, lead, () => random) ?? NaN) - NOW;

  it.each([
    [900_000, 180_000, 0, 720_000],
    [900_000, 180_000, 1, 765_000],
    [60_000, 180_000, 0, 36_000],
    [60_000, 180_000, 1, 42_000],
    [900_000, 1000, 0, 899_000],
  ])(
    'of %i ms with a lead of %i ms and jitter %d: after %i ms',
    (lifetime, lead, random, after) => {
      expect(due(lifetime, lead, random)).toBe(after);
    },
  );

  it('is after it was obtained and before it expires, at whatever lifetime, lead and jitter', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1000, max: 31_536_000_000 }),
        fc.integer({ min: 1000, max: 86_400_000 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (lifetime, lead, random) => {
          const after = due(lifetime, lead, random);
          expect(after).toBeGreaterThanOrEqual(Math.floor(lifetime * 0.6));
          expect(after).toBeLessThan(lifetime);
        },
      ),
    );
  });

  it('is never for a token that never expires', () => {
    expect(refreshDueAt({ obtainedAt: NOW, expiresAt: null }, 180_000)).toBeNull();
  });
});
