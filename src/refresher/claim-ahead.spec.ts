import { ConcurrencyLimit } from '../providers/index.js';
import type { ClaimedGrant } from '../grants/index.js';
import { ClaimAhead } from './claim-ahead.js';

const LEASE_MS = 30_000;
const grants = (count: number) =>
  Array.from({ length: count }, (_, n) => ({ userId: `u${String(n)}` }) as ClaimedGrant);

describe('claims ahead of the calls', () => {
  const open = (due: number, state = 'closed', doubts: readonly ClaimedGrant[] = []) => {
    let now = 0;
    const clock = { now: () => now, sleep: () => Promise.resolve() };
    const limit = new ConcurrencyLimit(8);
    let isWary = false;
    Object.defineProperty(limit, 'isWary', { get: () => isWary });
    const inFlight = { rotations: 0, stopping: false };
    const claims: number[] = [];
    const released: ClaimedGrant[] = [];
    const ahead = new ClaimAhead({
      guarded: { limit, breaker: { state } } as never,
      inFlight,
      clock,
      leaseMs: LEASE_MS,
      claim: (count) => {
        claims.push(count);
        if (isWary && doubts.length > 0) return Promise.resolve(doubts.slice(0, count));
        return Promise.resolve(grants(Math.min(count, due)));
      },
      claimed: () => undefined,
      release: (grant) => {
        released.push(grant);
        return Promise.resolve();
      },
    });
    const startAll = () => {
      const taken = [];
      for (const grant of ahead.take()) {
        limit.enter();
        inFlight.rotations += 1;
        taken.push(grant);
      }
      return taken;
    };
    const pass = (milliseconds: number) => {
      now += milliseconds;
    };
    /** @returns what ends it */
    const meetTrouble = () => {
      isWary = true;
      return () => {
        isWary = false;
      };
    };
    return { ahead, pass, limit, inFlight, claims, released, startAll, meetTrouble };
  };

  it('claims as many as there are places, and as many again to be at hand', async () => {
    const { ahead, claims, limit, inFlight, startAll } = open(100);
    ahead.claimMore();
    await ahead.claiming;
    expect(claims).toEqual([12]);
    expect(startAll()).toHaveLength(6);
    expect(ahead.claimMore()).toBe(0);
    // Two calls are answered: two that are at hand take their places at once.
    limit.leave();
    limit.leave();
    inFlight.rotations -= 2;
    expect(startAll()).toHaveLength(2);
  });

  it('claims more ahead once places were empty before a claim came', async () => {
    const { ahead, claims, limit, pass, startAll } = open(1000);
    ahead.claimMore();
    await ahead.claiming;
    startAll();
    for (let n = 0; n < 6; n += 1) limit.leave();
    startAll();
    for (let n = 0; n < 6; n += 1) limit.leave();
    pass(20);
    ahead.claimMore();
    await ahead.claiming;
    // What came was not there when the places were free, so that more is wanted the next time.
    for (let round = 0; round < 2; round += 1) {
      startAll();
      for (let n = 0; n < 6; n += 1) limit.leave();
    }
    pass(20);
    ahead.claimMore();
    await ahead.claiming;
    expect(claims).toEqual([12, 12, 18]);
  });

  it.each([
    ['more at a time where claims follow each other within milliseconds', 5, [12, 5, 11]],
    ['no more than before where they do not', 20, [12, 5, 5]],
  ])('claims %s', async (_, milliseconds, expected) => {
    const { ahead, claims, limit, pass, startAll } = open(1000);
    ahead.claimMore();
    await ahead.claiming;
    startAll();
    for (let round = 0; round < 2; round += 1) {
      for (let n = 0; n < 5; n += 1) limit.leave();
      // One of those at hand is left: no place is empty when the claim comes.
      expect(startAll()).toHaveLength(5);
      pass(milliseconds);
      ahead.claimMore();
      await ahead.claiming;
    }
    expect(claims).toEqual(expected);
  });

  it('claims no more at a time because it claimed one by one after trouble', async () => {
    const doubt = { userId: 'doubt', inDoubt: true } as ClaimedGrant;
    const { ahead, claims, limit, inFlight, startAll, meetTrouble } = open(1000, 'closed', [doubt]);
    const orderly = meetTrouble();
    for (let call = 0; call < 5; call += 1) {
      ahead.claimMore();
      await ahead.claiming;
      startAll();
      limit.leave();
      inFlight.rotations -= 1;
    }
    orderly();
    ahead.claimMore();
    await ahead.claiming;
    expect(claims).toEqual([1, 1, 1, 1, 1, 12]);
  });

  it('gives back what has waited for a sixth of its lease, and claims less ahead then', async () => {
    const { ahead, pass, limit, released, startAll } = open(100);
    ahead.claimMore();
    await ahead.claiming;
    expect(startAll()).toHaveLength(6);
    pass(LEASE_MS / 6 + 1);
    limit.leave();
    expect(startAll()).toHaveLength(0);
    await ahead.giveBackLate();
    expect(released).toHaveLength(6);
  });

  it('gives back at the end what has no call yet', async () => {
    const { ahead, released, startAll } = open(100);
    ahead.claimMore();
    await ahead.claiming;
    startAll();
    await ahead.giveBack();
    expect(released).toHaveLength(6);
    expect(ahead.isEmpty).toBe(true);
  });

  it('probes a provider that was down with one grant at a time, and not again before something changed', async () => {
    const { ahead, claims, startAll } = open(100, 'half_open');
    ahead.claimMore();
    await ahead.claiming;
    expect(startAll()).toHaveLength(1);
    ahead.claimMore();
    await ahead.claiming;
    expect(claims).toEqual([1]);
    ahead.claimMore();
    expect(claims).toEqual([1, 1]);
  });

  it('looks for what is in doubt before each call where there was trouble, and has it go first', async () => {
    const doubt = { userId: 'doubt', inDoubt: true } as ClaimedGrant;
    const { ahead, claims, limit, inFlight, startAll, meetTrouble } = open(100, 'closed', [doubt]);
    ahead.claimMore();
    await ahead.claiming;
    startAll();
    meetTrouble();
    limit.leave();
    inFlight.rotations -= 1;
    expect(startAll()).toEqual([]);
    ahead.claimMore();
    await ahead.claiming;
    expect(claims).toEqual([12, 1]);
    expect(startAll()).toEqual([doubt]);
    limit.leave();
    expect(startAll()).toEqual([]);
  });
});
