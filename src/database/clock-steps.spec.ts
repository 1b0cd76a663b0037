import fc from 'fast-check';
import { understatedAge } from './clock-steps.js';
import type { ClockStep } from './clock-steps.js';
import { toSteps } from './clock-steps.store.js';

interface Ending {
  readonly committed: number;
  readonly now: number;
  readonly delay: number;
  readonly ending: number;
}

/** The database's clock in a world in which monotonic time is true: offsets from given times on. */
class Clock {
  constructor(private readonly changes: readonly { readonly at: number; readonly by: number }[]) {}

  /** What is added to the true time, as somebody knows it who notices a change so much later. */
  offset(now: number, delay = 0): number {
    return this.changes.filter(({ at }) => at + delay <= now).reduce((sum, { by }) => sum + by, 0);
  }

  /** @param ending how long it then takes to end in the table what the step would bring back */
  seen(now: number, delay: number, ending: number): ClockStep[] {
    return this.changes
      .filter(({ at }) => at + delay <= now)
      .map(({ at, by }) => {
        const step = { by, at: at + delay, since: at - 500 };
        const endedAt = step.at + ending;
        return endedAt <= now ? { ...step, endedAt } : step;
      });
  }

  /** Whether somebody who needs so long has ended a token in the table, which says that it was obtained then. */
  hasEnded(written: number, { committed, now, delay, ending }: Ending): boolean {
    let back = 0;
    return this.changes.some(({ at, by }) => {
      back = Math.max(0, back - by);
      const then = at + delay + ending;
      if (by > 0 || then < committed || then > now) return false;
      return written > then + this.offset(then) && LIFETIME <= back;
    });
  }

  /** What a process that begins now learns from what others have noted with that delay. */
  learned(now: number, delay: number): ClockStep[] {
    const noted = this.changes
      .filter(({ at }) => at + delay <= now)
      .map(({ at, by }) => ({ by, ago: now + this.offset(now) - (at + delay + this.offset(at)) }));
    return toSteps(noted.reverse(), now);
  }
}

const LIFETIME = 12_000;

const token = (age: number, readAt: number) => ({ age, lifetime: LIFETIME, readAt });

/** What a judge says that a token of 12 s has left, and what it really has. */
interface Case {
  readonly changes: readonly { readonly at: number; readonly by: number }[];
  readonly obtained: number;
  readonly later: number;
  /** Milliseconds after which who wrote it, and who reads it, notice a step. */
  readonly writer: number;
  readonly judge: number;
  /** Milliseconds from that to the end of what each does in the table. */
  readonly ending: number;
}

function left(each: Case, cold: boolean, rule: boolean) {
  const { changes, obtained, later, writer, judge, ending } = each;
  const clock = new Clock(changes);
  const now = obtained + later;
  const written = obtained + clock.offset(obtained, writer);
  const shown = now + clock.offset(now, cold ? 0 : judge);
  const ended = [writer, judge].some((delay) =>
    clock.hasEnded(written, { committed: obtained, now, delay, ending }),
  );
  if (ended) return { judged: 0, real: LIFETIME - later };
  const steps = cold ? clock.learned(now, 1000) : clock.seen(now, judge, ending);
  const age = shown - written;
  const late = rule ? understatedAge(steps, { age, lifetime: LIFETIME, readAt: now }, now) : 0;
  return { judged: LIFETIME - age - late, real: LIFETIME - later };
}

/** At least six seconds apart; rows are read within a minute. */
const cases: fc.Arbitrary<Case> = fc.record({
  changes: fc
    .array(
      fc.record({
        pause: fc.integer({ min: 6000, max: 14_000 }),
        by: fc.constantFrom(-3_600_000, -11_000, -8000, -4000, 4000, 8000, 600_000),
      }),
      { minLength: 1, maxLength: 5 },
    )
    .map((walk) => {
      let at = 60_000;
      return walk.map(({ pause, by }) => ({ at: (at += pause), by }));
    }),
  obtained: fc.integer({ min: 40_000, max: 130_000 }),
  later: fc.integer({ min: 0, max: 30_000 }),
  writer: fc.integer({ min: 0, max: 1500 }),
  judge: fc.integer({ min: 0, max: 1500 }),
  ending: fc.integer({ min: 0, max: 4000 }),
});

describe("the age of a token after steps of the database's clock", () => {
  it('is never understated to a replica that saw them, each at its own moment', () => {
    fc.assert(
      fc.property(cases, (each) => {
        const { judged, real } = left(each, false, true);
        return judged < 1000 || real > 0;
      }),
      { numRuns: 100_000, seed: 11 },
    );
  });

  it('is never understated to a replica that began after them', () => {
    fc.assert(
      fc.property(cases, (each) => {
        const now = each.obtained + each.later;
        // It learns of a step when another has noticed it, and has ended what was to be ended.
        fc.pre(each.ending < 500);
        fc.pre(each.changes.every(({ at }) => now < at || now > at + 2000));
        const { judged, real } = left(each, true, true);
        return judged < 1000 || real > 0;
      }),
      { numRuns: 20_000, seed: 11 },
    );
  });

  it('is not taken for that of a new one before those of before the step were ended', () => {
    const changes = [
      { at: 66_000, by: -8000 },
      { at: 72_000, by: -8000 },
    ];
    // Read in the moment in which the second step was noticed: by the clock it is 4 s ahead.
    const each = { changes, obtained: 59_000, writer: 0, judge: 0, ending: 1000 };
    const { judged, real } = left({ ...each, later: 13_000 }, false, true);
    expect({ isDead: judged < 1000, real }).toEqual({ isDead: true, real: -1000 });
  });

  it('would be, by the clock alone', () => {
    const each = {
      changes: [{ at: 60_000, by: -8000 }],
      obtained: 59_000,
      later: 14_000,
      writer: 0,
      judge: 0,
      ending: 0,
    };
    expect(left(each, false, false)).toEqual({ judged: 6000, real: -2000 });
    expect(left(each, false, true).judged).toBe(-2000);
  });

  it('is taken as it is shown while nothing was stepped, and by a step forward', () => {
    expect(understatedAge([], token(5000, 100_000), 100_000)).toBe(0);
    const forward = [{ by: 8000, at: 60_000, since: 59_000 }];
    expect(understatedAge(forward, token(5000, 100_000), 100_000)).toBe(0);
  });

  it('is that of two steps back, of which neither is as long as it lives', () => {
    const twice = [
      { at: 60_000, by: -8000 },
      { at: 71_000, by: -8000 },
    ];
    const each = { obtained: 54_000, later: 18_000, writer: 0, judge: 0, ending: 5000 };
    expect(left({ changes: twice, ...each }, false, true).judged).toBeLessThan(1000);
  });

  it('lets new tokens be served after a step that is longer than they live', () => {
    const back = [{ by: -3_600_000, at: 60_000, since: 59_000, endedAt: 62_000 }];
    expect(understatedAge(back, token(2000, 100_000), 100_000)).toBe(0);
    // Not in the first moments: its like is being ended in the table.
    expect(understatedAge(back, token(2000, 63_000), 63_000)).toBe(3_600_000);
    // Nor what was read before that was done.
    expect(understatedAge(back, token(0, 61_500), 63_000)).toBe(3_600_000);
    // Nor as long as nobody knows whether it was.
    const unended = [{ by: -3_600_000, at: 60_000, since: 59_000 }];
    expect(understatedAge(unended, token(2000, 100_000), 100_000)).toBe(3_600_000);
    // Of before it beyond doubt: the clock has not shown its time since.
    const old = { age: 50_000, lifetime: 7_200_000, readAt: 100_000 };
    expect(understatedAge(back, old, 100_000)).toBe(3_600_000);
  });
});
