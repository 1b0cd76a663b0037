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
const limited = (retryAfter?: number) => new ProviderError('rate_limited', 'http_429', retryAfter);

describe('the circuit breaker', () => {
  let clock: StandingClock;
  let breaker: Breaker;
  beforeEach(() => {
    clock = new StandingClock();
    // The longest that jitter makes of a pause.
    breaker = new Breaker(clock, () => 1);
  });
  const fail = (error: ProviderError, times = 1) => {
    for (let failure = 0; failure < times; failure += 1) breaker.report(error);
  };
  /** Fails until it opens, and goes on after each pause. @returns how long each pause was */
  const pauses = (count: number) =>
    Array.from({ length: count }, () => {
      while (breaker.admit()) breaker.report(down);
      const { wait } = breaker;
      clock.advance(wait);
      return wait;
    });

  it('stays closed through a few failures, and forgets them with a success', () => {
    for (let round = 0; round < 3; round += 1) {
      fail(down, 4);
      expect({ state: breaker.state, wait: breaker.wait }).toEqual({ state: 'closed', wait: 0 });
      breaker.succeeded();
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

  it.each([
    ['429', limited()],
    ['a refusal of our credentials', new ProviderError('invalid_client', 'invalid_client')],
    ['a Retry-After of any kind', asked(1)],
  ])('opens at once at %s', (_, error) => {
    fail(error);
    expect(breaker.state).toBe('open');
  });

  it.each([
    ['invalid_grant', new ProviderError('invalid_grant', 'invalid_grant')],
    ['another OAuth error', new ProviderError('rejected', 'invalid_scope')],
  ])('takes %s as a sign of life: it concerns one grant alone', (_, error) => {
    fail(down, 4);
    fail(error);
    fail(down, 4);
    expect(breaker.state).toBe('closed');
  });

  it('lets one call at a time find out whether the provider is back', () => {
    fail(down, 5);
    clock.advance(500);
    expect(breaker.admit()).toBe(true);
    expect(breaker.admit()).toBe(false);
    expect(breaker.wait).toBeGreaterThan(0);
    breaker.succeeded();
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
    breaker.succeeded();
    expect(pauses(1)).toEqual([500]);
  });

  it.each([
    [60_000, 60_000],
    [10, 500],
    [0, 500],
    [86_400_000, 900_000],
  ])('follows a Retry-After of %i ms with a pause of %i ms', (retryAfter, pause) => {
    fail(limited(retryAfter));
    expect(breaker.wait).toBe(pause);
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
            if (each === 'succeed') breaker.succeeded();
            else breaker.report(each);
          }
          expect(breaker.wait).toBeGreaterThanOrEqual(0);
          expect(breaker.wait).toBeLessThanOrEqual(4000);
        }
      }),
    );
  });
});
