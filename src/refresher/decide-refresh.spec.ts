import fc from 'fast-check';
import { sampleGrant } from '../../test/support/sample-grant.js';
import type { Grant } from '../grants/index.js';
import { decideRefresh, isKeptFresh } from './decide-refresh.js';
import type { RefreshPolicy, RefreshTrigger } from './decide-refresh.js';

const NOW = 1_800_000_000_000;
const ALL: RefreshPolicy = { mode: 'all', activeWindow: 60_000 };
const ACTIVE: RefreshPolicy = { ...ALL, mode: 'active' };
const ON_DEMAND: RefreshPolicy = { ...ALL, mode: 'on-demand' };
const SCHEDULE: RefreshTrigger = { kind: 'schedule' };
const READER: RefreshTrigger = { kind: 'reader', minTtl: 30 };

/** Fresh: obtained now, due in twelve minutes. */
const FRESH = sampleGrant({
  refreshToken: Buffer.from('r'),
  obtainedAt: NOW,
  expiresAt: NOW + 900_000,
  refreshDueAt: NOW + 720_000,
  version: 5,
});
const STALE = { expiresAt: NOW + 20_000, obtainedAt: NOW - 880_000, refreshDueAt: NOW - 160_000 };

describe('decideRefresh', () => {
  it.each<[string, Partial<Grant>, RefreshPolicy, RefreshTrigger, boolean, string]>([
    ['fresh, for the schedule', {}, ALL, SCHEDULE, false, 'not_due'],
    ['fresh, for a reader', {}, ALL, READER, false, 'fresh'],
    ['due', STALE, ALL, SCHEDULE, true, 'due'],
    ['stale, for a reader', STALE, ALL, READER, true, 'stale'],
    ['off the schedule', { refreshDueAt: null }, ALL, SCHEDULE, false, 'not_due'],
    ['due, policy on-demand', STALE, ON_DEMAND, SCHEDULE, false, 'on_demand'],
    ['stale, policy on-demand, for a reader', STALE, ON_DEMAND, READER, true, 'stale'],
    ['due, never read, policy active', STALE, ACTIVE, SCHEDULE, false, 'dormant'],
    [
      'due, read long ago',
      { ...STALE, lastReadAt: NOW - 60_001 },
      ACTIVE,
      SCHEDULE,
      false,
      'dormant',
    ],
    ['due, read lately', { ...STALE, lastReadAt: NOW - 60_000 }, ACTIVE, SCHEDULE, true, 'due'],
    ['not active', { ...STALE, status: 'suspended' }, ALL, READER, false, 'not_active'],
    ['awaiting', { ...STALE, status: 'awaiting_confirmation' }, ALL, SCHEDULE, false, 'not_active'],
    ['no refresh token', { ...STALE, refreshToken: null }, ALL, READER, false, 'no_refresh_token'],
    [
      'leased',
      { ...STALE, leaseOwner: 'x', leaseExpiresAt: NOW + 1 },
      ALL,
      READER,
      false,
      'leased',
    ],
    [
      'lease run out: in doubt',
      { ...STALE, leaseOwner: 'x', leaseExpiresAt: NOW, rotationStartedAt: NOW - 15_000 },
      ALL,
      SCHEDULE,
      true,
      'in_doubt',
    ],
    ['in doubt though fresh', { rotationStartedAt: NOW - 1 }, ALL, READER, true, 'in_doubt'],
    [
      'in doubt, policy on-demand',
      { rotationStartedAt: NOW - 1 },
      ON_DEMAND,
      SCHEDULE,
      true,
      'in_doubt',
    ],
    ['rejected though fresh', { rejectedVersion: 5 }, ALL, READER, true, 'rejected'],
    ['an older version rejected', { rejectedVersion: 4 }, ALL, READER, false, 'fresh'],
    [
      'failed, waiting',
      { ...STALE, failureCount: 1, refreshDueAt: NOW + 1 },
      ALL,
      READER,
      false,
      'backing_off',
    ],
    [
      'failed, wait over',
      { ...STALE, failureCount: 1, refreshDueAt: NOW },
      ALL,
      READER,
      true,
      'stale',
    ],
    // Once read as waiting for ever: a grant that failed and was then left off the schedule.
    [
      'failed, off the schedule',
      { ...STALE, failureCount: 1, refreshDueAt: null },
      ON_DEMAND,
      READER,
      true,
      'stale',
    ],
    [
      'a short-lived token with most of its life left',
      { obtainedAt: NOW, expiresAt: NOW + 12_000 },
      ALL,
      { kind: 'reader', minTtl: 3600 },
      false,
      'fresh',
    ],
    [
      'a short-lived token past a fifth of its life',
      { obtainedAt: NOW - 2500, expiresAt: NOW + 9500 },
      ALL,
      READER,
      true,
      'stale',
    ],
  ])('%s', (_name, change, policy, trigger, refresh, reason) => {
    expect(decideRefresh({ ...FRESH, ...change }, policy, NOW, trigger)).toEqual({
      refresh,
      reason,
    });
  });

  it('never presents a refresh token of a grant that is not active, has none, or is leased', () => {
    const grant = fc.record({
      status: fc.constantFrom(
        'active',
        'awaiting_confirmation',
        'reauthorization_required',
        'suspended',
      ),
      refreshToken: fc.constantFrom(null, Buffer.from('r')),
      leaseOwner: fc.constantFrom(null, 'x'),
      leaseExpiresAt: fc.constantFrom(NOW - 1, NOW + 1),
      rotationStartedAt: fc.constantFrom(null, NOW - 5),
      failureCount: fc.integer({ min: 0, max: 3 }),
      refreshDueAt: fc.constantFrom(null, NOW - 1, NOW + 1),
      rejectedVersion: fc.constantFrom(null, 4, 5),
    });
    const trigger = fc.constantFrom(SCHEDULE, READER);
    fc.assert(
      fc.property(grant, trigger, fc.constantFrom(ALL, ACTIVE, ON_DEMAND), (change, by, policy) => {
        const facts = { ...FRESH, ...change } as Grant;
        const { refresh } = decideRefresh(facts, policy, NOW, by);
        const leased = facts.leaseOwner !== null && (facts.leaseExpiresAt ?? 0) > NOW;
        if (refresh)
          expect(facts.status === 'active' && facts.refreshToken && !leased).toBeTruthy();
      }),
    );
  });
});

describe('isKeptFresh', () => {
  const paused: RefreshPolicy = { ...ALL, mode: 'paused' };
  it.each<[string, number | null, RefreshPolicy, boolean]>([
    ['policy all, never read', null, ALL, true],
    ['policy on-demand, read lately', NOW - 1, ON_DEMAND, false],
    ['policy paused', NOW - 1, paused, false],
    ['policy active, never read', null, ACTIVE, false],
    ['policy active, read lately', NOW - 60_000, ACTIVE, true],
    ['policy active, read before that', NOW - 60_001, ACTIVE, false],
    ['policy active, read since it ended', NOW + 1, ACTIVE, false],
  ])('%s', (_, lastReadAt, policy, kept) => {
    expect(isKeptFresh({ expiresAt: NOW, lastReadAt }, policy)).toBe(kept);
  });

  it('is of no token that never ends', () => {
    expect(isKeptFresh({ expiresAt: null, lastReadAt: NOW }, ALL)).toBe(false);
  });
});
