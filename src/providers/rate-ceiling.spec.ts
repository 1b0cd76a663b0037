import { RateCeiling } from './rate-ceiling.js';

describe('the ceiling on calls per second', () => {
  let now = 0;
  const clock = { now: () => now, sleep: () => Promise.resolve() };
  beforeEach(() => {
    now = 1_800_000_000_000;
  });

  it('lets one second’s worth through at once and no more', () => {
    const ceiling = new RateCeiling(5, clock);
    expect(ceiling.available).toBe(5);
    for (let call = 0; call < 5; call += 1) expect(ceiling.take()).toBe(0);
    expect(ceiling.available).toBe(0);
  });

  it('has those who overdraw it wait for their turn', () => {
    const ceiling = new RateCeiling(5, clock);
    for (let call = 0; call < 5; call += 1) ceiling.take();
    expect([ceiling.take(), ceiling.take(), ceiling.take()]).toEqual([200, 400, 600]);
  });

  it('fills up with time, and never beyond one second’s worth', () => {
    const ceiling = new RateCeiling(5, clock);
    for (let call = 0; call < 5; call += 1) ceiling.take();
    now += 400;
    expect(ceiling.available).toBe(2);
    now += 60_000;
    expect(ceiling.available).toBe(5);
  });

  it('is none when it is infinite, and is not confused by a clock that steps back', () => {
    const none = new RateCeiling(Infinity, clock);
    expect([none.take(), none.available]).toEqual([0, Infinity]);
    const ceiling = new RateCeiling(5, clock);
    ceiling.take();
    now -= 60_000;
    expect(ceiling.available).toBe(4);
  });
});
