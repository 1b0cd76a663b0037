import fc from 'fast-check';
import { Breaker } from './breaker.js';
import { ProviderError } from './provider-error.js';

/** A clock that stands still until it is told to move. */
class StandingClock {
  private time = 1_000_000;
  now = () => this.time;
  sleep = () => Promise.reject(new Error('a breaker never waits'));
  advance(milliseconds: number): void {
    this.time += milliseconds;
  }
}

const down = new ProviderError('unavailable', 'http_503');
const asked = (milliseconds: number) => new ProviderError('unavailable', 'http_503', milliseconds);
const dead = new ProviderError('invalid_grant', 'invalid_grant');
const limited = (retryAfter?: number) => new ProviderError('rate_limited', 'http_429', retryAfter);

describe('the circuit breaker', () => {
  let clock: StandingClock;
  let breaker: Breaker;
  beforeEach(() => {
    clock = new StandingClock();
    // The longest that jitter makes of a pause.
    breaker = new Breaker(clock, () => 1);
  });
  let calls = 0;
  /** Fails for so many grants, another one each time. */
  const fail = (error: ProviderError, times = 1) => {
    for (let failure = 0; failure < times; failure += 1) breaker.report(error, `g${(calls += 1)}`);
  };
  /** Fails until it opens, and goes on after each pause. @returns how long each pause was */
  const pauses = (count: number) =>
    Array.from({ length: count }, () => {
      while (breaker.admit()) fail(down);
      const { wait } = breaker;
      clock.advance(wait);
      return wait;
    });

  it('stays closed through a few failures, and forgets them with a success', () => {
    for (let round = 0; round < 3; round += 1) {
      fail(down, 4);
      expect({ state: breaker.state, wait: breaker.wait }).toEqual({ state: 'closed', wait: 0 });
      breaker.succeeded('well', breaker.era);
    }
  });

  it('opens at the fifth failure in a row and admits nobody until the pause is over', () => {
    fail(down, 5);
    expect({ state: breaker.state, wait: breaker.wait }).toEqual({ state: 'open', wait: 500 });
    clock.advance(499);
    expect(breaker.admit()).toBe(false);
    clock.advance(1);
    expect(breaker.state).toBe('half_open');
    expect(breaker.admit()).toBe(true);
  });

  it('opens at once when connections are refused', () => {
    fail(new ProviderError('unreachable', 'econnrefused'));
    expect(breaker.state).toBe('open');
  });

  it.each([
    ['429', limited()],
    ['a refusal of our credentials', new ProviderError('invalid_client', 'invalid_client')],
  ])('opens when three grants meet %s', (_, error) => {
    fail(error, 2);
    expect(breaker.state).toBe('closed');
    fail(error);
    expect(breaker.state).toBe('open');
  });

  it('stays closed however often the same few grants fail', () => {
    for (let round = 0; round < 50; round += 1) {
      for (const grant of ['a', 'b', 'c', 'd']) breaker.report(asked(600_000), grant);
    }
    expect(breaker.state).toBe('closed');
  });

  it('does not count a grant again that failed while others were served', () => {
    for (const grant of ['a', 'b', 'c']) breaker.report(down, grant);
    breaker.succeeded('well', breaker.era);
    for (const grant of ['a', 'b', 'c', 'd', 'e', 'f', 'g']) breaker.report(down, grant);
    expect({ state: breaker.state, alone: breaker.isTroubled('a') }).toEqual({
      state: 'closed',
      alone: true,
    });
    breaker.succeeded('a', breaker.era);
    expect(breaker.isTroubled('a')).toBe(false);
  });

  it('trips its fuse at the third grant refused with none in order between, until one is', () => {
    const heard: boolean[] = [];
    breaker.onFuse = (tripped) => heard.push(tripped);
    fail(dead, 2);
    expect({ tripped: breaker.tripped, believable: breaker.believable }).toEqual({
      tripped: false,
      believable: true,
    });
    fail(dead);
    expect({ tripped: breaker.tripped, believable: breaker.believable }).toEqual({
      tripped: true,
      believable: false,
    });
    clock.advance(breaker.wait);
    expect(breaker.admit()).toBe(true);
    breaker.succeeded('well', breaker.era);
    expect({ heard, state: breaker.state }).toEqual({ heard: [true, false], state: 'closed' });
  });

  it('pauses for longest while each probe may cost a grant', () => {
    const costly = () => {
      breaker.report(dead, `d${(calls += 1)}`, true);
    };
    for (let grant = 0; grant < 3; grant += 1) costly();
    const waits = Array.from({ length: 6 }, () => {
      const { wait } = breaker;
      clock.advance(wait);
      if (breaker.admit()) costly();
      return wait;
    });
    expect(waits).toEqual([2000, 4000, 8000, 16_000, 32_000, 40_000]);
  });

  it('probes with what is in doubt already where answers are lost, and ever more seldom with a well one', () => {
    fail(down, 5);
    const wells = Array.from({ length: 40 }, (_, probe) => {
      const isWell = !breaker.probesWithDoubt;
      clock.advance(breaker.wait);
      if (breaker.admit()) fail(down);
      return isWell ? probe + 1 : 0;
    });
    expect(wells.filter((probe) => probe > 0)).toEqual([4, 8, 16, 32]);
  });

  it.each([
    ['a doubt that ended in invalid_grant', dead],
    ['429', limited()],
    ['a refused connection', new ProviderError('unreachable', 'econnrefused')],
  ])('probes with a well grant after %s', (_, error) => {
    fail(down, 5);
    expect(breaker.probesWithDoubt).toBe(true);
    fail(error);
    expect(breaker.probesWithDoubt).toBe(false);
  });

  it('believes a probe whose answer took longer than readers wait, and no call from before', () => {
    const { era } = breaker;
    fail(dead, 3);
    clock.advance(breaker.wait);
    breaker.admit();
    const probed = breaker.era;
    breaker.overdue('slow');
    breaker.succeeded('earlier', era);
    expect(breaker.tripped).toBe(true);
    breaker.succeeded('slow', probed);
    expect({ tripped: breaker.tripped, wait: breaker.wait }).toEqual({ tripped: false, wait: 0 });
  });

  it('believes no refusals any more where half of the nodes refuse, until the rest is served', () => {
    for (let call = 0; call < 500; call += 1) breaker.succeeded('well', breaker.era);
    let believed = 0;
    for (let call = 0; call < 100; call += 1) {
      fail(dead);
      believed += Number(breaker.believable);
      breaker.succeeded('well', breaker.era);
    }
    expect(believed).toBe(4);
    // Those that are refused still say nothing new.
    for (let call = 0; call < 25; call += 1) {
      breaker.report(dead, `g${String(calls - (call % 10))}`);
      breaker.succeeded('well', breaker.era);
    }
    expect({ tripped: breaker.tripped, waits: breaker.wait }).toEqual({ tripped: false, waits: 0 });
    clock.advance(600_000);
    breaker.succeeded('well', breaker.era);
    expect(breaker.believable).toBe(true);
  });

  it('spends few tokens at a provider half of whose nodes do, and trusts it when the rest is in order', () => {
    for (let call = 0; call < 500; call += 1) breaker.succeeded('well', breaker.era);
    const lose = (grant: string) => {
      breaker.report(down, grant);
      breaker.report(dead, grant, true, true);
    };
    let lost = 0;
    const ends = clock.now() + 60_000;
    for (let call = 0; clock.now() < ends; call += 1) {
      clock.advance(Math.max(50, breaker.wait));
      if (!breaker.admit()) continue;
      const { era } = breaker;
      if (call % 2 === 0) lose(`lost${(lost += 1)}`);
      else breaker.succeeded(`served${call}`, era);
    }
    expect(breaker.tripped).toBe(true);
    expect(lost).toBeLessThanOrEqual(13);
    let calls = 0;
    clock.advance(breaker.wait);
    for (; breaker.tripped && breaker.admit(); calls += 1) breaker.succeeded('well', breaker.era);
    expect(calls).toBeLessThanOrEqual(25);
    expect({ tripped: breaker.tripped, wait: breaker.wait }).toEqual({ tripped: false, wait: 0 });
  });

  it('does not lay to the provider what processes lose that are killed', () => {
    for (let call = 0; call < 20; call += 1) {
      breaker.report(dead, `killed${call}`, true);
      breaker.succeeded('well', breaker.era);
    }
    expect(breaker.tripped).toBe(false);
  });

  it('pauses for longer while its fuse is tripped', () => {
    fail(dead, 3);
    const waits = Array.from({ length: 8 }, () => {
      const { wait } = breaker;
      clock.advance(wait);
      if (breaker.admit()) fail(dead);
      return wait;
    });
    expect(waits).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 20_000, 20_000]);
  });

  it('opens when readers have stopped to wait for two answers with none in order between', () => {
    breaker.overdue('a');
    expect(breaker.state).toBe('closed');
    breaker.overdue('b');
    expect(breaker.state).toBe('open');
    breaker.succeeded('a', breaker.era);
    expect(breaker.state).toBe('closed');
  });

  it.each<[string, ProviderError[], string[]]>([
    ['one that failed', [down], ['failed']],
    ['one that met a limit', [limited()], ['failed']],
    ['one that was refused, which costs nothing', [dead], []],
    ['an outage', [down, down, down, down, down], [...Array<string>(5).fill('failed'), 'stopped']],
  ])('tells how many calls may be in flight of %s', (_, errors, ends) => {
    const heard: string[] = [];
    breaker.onEnd = (end) => heard.push(end);
    for (const error of errors) fail(error);
    expect(heard).toEqual(ends);
  });

  it('tells nothing of a grant that fails while others are served', () => {
    breaker.report(down, 'a');
    breaker.succeeded('well', breaker.era);
    const heard: string[] = [];
    breaker.onEnd = (end) => heard.push(end);
    breaker.report(down, 'a');
    expect(heard).toEqual([]);
  });

  it('makes no pause for grants that were refused before, where a provider serves some again', () => {
    const spent = ['a', 'b', 'c', 'd', 'e'];
    for (const grant of spent) {
      breaker.report(dead, grant, true, true);
      clock.advance(breaker.wait);
    }
    breaker.admit();
    breaker.succeeded('well', breaker.era);
    for (const grant of spent) breaker.report(dead, grant);
    expect({ tripped: breaker.tripped, wait: breaker.wait }).toEqual({ tripped: true, wait: 0 });
  });

  it('lets one call at a time find out whether the provider is back', () => {
    fail(down, 5);
    clock.advance(500);
    expect(breaker.admit()).toBe(true);
    expect(breaker.admit()).toBe(false);
    expect(breaker.wait).toBeGreaterThan(0);
    breaker.succeeded('well', breaker.era);
    expect(breaker.state).toBe('closed');
    expect(breaker.admit()).toBe(true);
  });

  it('lets another call find out when the one admitted was not made', () => {
    fail(down, 5);
    clock.advance(500);
    breaker.admit();
    breaker.withdraw();
    expect(breaker.admit()).toBe(true);
  });

  it('doubles its pauses up to four seconds, so that the end of an outage is noticed soon', () => {
    expect(pauses(7)).toEqual([500, 1000, 2000, 4000, 4000, 4000, 4000]);
  });

  it('spreads its pauses over their second half', () => {
    breaker = new Breaker(clock, () => 0);
    expect(pauses(4)).toEqual([250, 500, 1000, 2000]);
  });

  it('begins anew with short pauses after a success', () => {
    pauses(5);
    breaker.succeeded('well', breaker.era);
    expect(pauses(1)).toEqual([500]);
  });

  it.each([
    [60_000, 60_000],
    [10, 500],
    [0, 500],
    [86_400_000, 900_000],
  ])('follows a Retry-After of %i ms with a pause of %i ms', (retryAfter, pause) => {
    fail(limited(retryAfter), 5);
    expect(breaker.wait).toBe(pause);
  });

  it('lets one call at a time find out while all replicas are cautious, and a well grant wait for its turn', () => {
    breaker.beCautious(5000);
    expect({
      state: breaker.state,
      doubt: breaker.waitFor({ inDoubt: true }),
      well: breaker.waitFor({ inDoubt: false }),
    }).toEqual({ state: 'half_open', doubt: 0, well: 5000 });
    expect(breaker.admit()).toBe(true);
    expect(breaker.admit()).toBe(false);
    fail(down);
    clock.advance(5000);
    expect(breaker.waitFor({ inDoubt: false })).toBe(0);
    breaker.admit();
    breaker.succeeded('well', breaker.era);
    expect({ state: breaker.state, wait: breaker.wait }).toEqual({ state: 'closed', wait: 0 });
  });

  it('lets the turn of all replicas come in spite of a pause of its own, but not of one asked for', () => {
    fail(down, 12);
    clock.advance(breaker.wait);
    fail(down);
    breaker.beCautious(300);
    expect(breaker.wait).toBe(300);
    clock.advance(300);
    expect(breaker.wait).toBe(0);
    fail(limited(60_000));
    expect(breaker.wait).toBe(60_000);
  });

  it('is not kept open by the calls that were in flight when it opened', () => {
    fail(down, 5);
    clock.advance(100);
    fail(down, 30);
    expect(breaker.wait).toBe(400);
    fail(limited(1000), 30);
    expect(breaker.wait).toBe(1000);
  });

  it('never admits while it is open, and never more than one call while it is half open', () => {
    const event = fc.oneof(
      fc.constant('admit' as const),
      fc.constant('succeed' as const),
      fc.constantFrom(down, limited(), asked(2000), new ProviderError('interrupted', 'timeout')),
      fc.integer({ min: 1, max: 3000 }),
    );
    fc.assert(
      fc.property(fc.array(event, { maxLength: 100 }), (events) => {
        clock = new StandingClock();
        breaker = new Breaker(clock, () => 0.5);
        let inFlight = 0;
        for (const each of events) {
          const { state } = breaker;
          if (each === 'admit') {
            const admitted = breaker.admit();
            if (state === 'open') expect(admitted).toBe(false);
            if (admitted) inFlight = state === 'half_open' ? 1 : inFlight + 1;
            if (admitted && state === 'half_open') expect(breaker.admit()).toBe(false);
          } else if (typeof each === 'number') {
            clock.advance(each);
          } else if (inFlight > 0) {
            inFlight -= 1;
            if (each === 'succeed') breaker.succeeded('well', breaker.era);
            else fail(each);
          }
          expect(breaker.wait).toBeGreaterThanOrEqual(0);
          expect(breaker.wait).toBeLessThanOrEqual(4000);
        }
      }),
    );
  });
});
