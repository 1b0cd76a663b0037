import { performance } from 'node:perf_hooks';
import { DatabaseClock } from './database-clock.js';

const HOUR = 3_600_000;
/** Milliseconds by which a reading may be off in a test that nothing holds up. */
const NEAR = 2000;

describe("the database's clock in this process", () => {
  const reading = (clock: DatabaseClock, database: number, roundTrip = 0) => {
    const now = performance.now();
    clock.set(database, now - roundTrip, now);
  };

  it("is the machine's until the first reading", () => {
    expect(Math.abs(new DatabaseClock().now() - Date.now())).toBeLessThan(NEAR);
  });

  it("is the database's from then on, however wrong the machine's may be", () => {
    const clock = new DatabaseClock();
    const database = Date.now() - 7 * HOUR;
    reading(clock, database);
    expect(clock.now()).toBeGreaterThanOrEqual(database);
    expect(clock.now()).toBeLessThan(database + NEAR);
  });

  it('follows the database when that was set right', () => {
    const clock = new DatabaseClock();
    reading(clock, Date.now() - 7 * HOUR);
    const database = Date.now() + 3 * HOUR;
    reading(clock, database);
    expect(Math.abs(clock.now() - database)).toBeLessThan(NEAR);
  });

  it('takes a reading for the middle of its round trip', () => {
    const clock = new DatabaseClock();
    const database = 1_800_000_000_000;
    reading(clock, database, 800);
    expect(clock.now()).toBeGreaterThanOrEqual(database + 400);
    expect(clock.now()).toBeLessThan(database + 400 + NEAR);
  });

  it('ignores a vague reading, unless it is the only one', () => {
    const clock = new DatabaseClock();
    const first = Date.now() - 7 * HOUR;
    reading(clock, first, 5000);
    expect(Math.abs(clock.now() - first)).toBeLessThan(5000 + NEAR);
    reading(clock, Date.now() + 7 * HOUR, 5000);
    expect(Math.abs(clock.now() - first)).toBeLessThan(5000 + NEAR);
  });

  it('counts in whole milliseconds', () => {
    const clock = new DatabaseClock();
    reading(clock, 1_800_000_000_000.75);
    expect(Number.isInteger(clock.now())).toBe(true);
  });

  it('knows how far it is behind where it was, also by steps before this process', () => {
    const clock = new DatabaseClock();
    let database = 1_800_000_000_000;
    const stepped = (by: number) => {
      reading(clock, (database += by));
    };
    stepped(0);
    expect(clock.setBackMs).toBe(0);
    const at = performance.now() - 60_000;
    clock.learn([{ by: -8000, at, since: at - 1000, endedAt: at }]);
    expect(clock.setBackMs).toBe(8000);
    stepped(-8000);
    expect(Math.abs(clock.setBackMs - 16_000)).toBeLessThan(NEAR);
    stepped(60_000);
    expect(clock.setBackMs).toBe(0);
  });

  it('counts steps back, and tells no ages for a day after a large step, also after those before this process', () => {
    const clock = new DatabaseClock();
    const database = 1_800_000_000_000;
    reading(clock, database);
    expect([clock.stepsBack, clock.tellsAges]).toEqual([0, true]);
    const at = performance.now();
    clock.learn([{ by: -HOUR, at: at - 25 * HOUR, since: at - 25 * HOUR }]);
    expect([clock.stepsBack, clock.tellsAges]).toEqual([1, true]);
    reading(clock, database - 10_000);
    expect([clock.stepsBack, clock.tellsAges]).toEqual([2, true]);
    reading(clock, database + 24 * HOUR);
    expect([clock.stepsBack, clock.tellsAges]).toEqual([2, false]);
    const later = new DatabaseClock();
    reading(later, database);
    later.learn([{ by: 24 * HOUR, at: at - 23 * HOUR, since: at - 23 * HOUR }]);
    expect([later.stepsBack, later.tellsAges]).toEqual([0, false]);
  });

  it('takes nothing for new after a step that is longer than a token lives before the others were ended', () => {
    const clock = new DatabaseClock();
    const database = 1_800_000_000_000;
    reading(clock, database);
    reading(clock, database - HOUR);
    const begun = performance.now();
    // This very moment, whatever milliseconds are rounded to.
    const lateBy = (readAt?: number) => clock.understates(clock.now() + 5, 12_000, readAt);
    expect(Math.abs(lateBy() - HOUR)).toBeLessThan(NEAR);
    clock.endedFuture(begun - 60_000);
    expect(lateBy()).toBeGreaterThan(0);
    clock.endedFuture(begun);
    expect(lateBy()).toBe(0);
    // What was read before that may be of before it.
    expect(lateBy(begun - 1)).toBeGreaterThan(0);
  });
});
