import fc from 'fast-check';
import { understatedAge } from './clock-steps.js';
import type { ClockStep } from './clock-steps.js';
import { toSteps } from './clock-steps.store.js';

/** The database's clock in a world in which monotonic time is true: offsets from given times on. */
class Clock {
  constructor(private readonly changes: readonly { readonly at: number; readonly by: number }[]) {}

  /** What is added to the true time, as somebody knows it who notices a change so much later. */
  offset(now: number, delay = 0): number {
    return this.changes.filter(({ at }) => at + delay <= now).reduce((sum, { by }) => sum + by, 0);
  }

  seen(now: number, delay: number): ClockStep[] {
    return this.changes
      .filter(({ at }) => at + delay <= now)
      .map(({ at, by }) => ({ by, at: at + delay, since: at - 500 }));
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

/** What a judge says that a token of 12 s has left, and what it really has. */
interface Case {
  readonly changes: readonly { readonly at: number; readonly by: number }[];
  readonly obtained: number;
  readonly later: number;
  readonly writer: number;
  readonly judge: number;
}

function left({ changes, obtained, later, writer, judge }: Case, cold: boolean, rule: boolean) {
  const clock = new Clock(changes);
  const now = obtained + later;
  const written = obtained + clock.offset(obtained, writer);
  const shown = now + clock.offset(now, cold ? 0 : judge);
  const steps = cold ? clock.learned(now, 1000) : clock.seen(now, judge);
  const late = rule ? understatedAge(steps, shown - written, LIFETIME, now) : 0;
  return { judged: LIFETIME - (shown - written) - late, real: LIFETIME - later };
}

/** Steps of less than the token's life, at least six seconds apart; rows are read within a minute. */
const cases: fc.Arbitrary<Case> = fc.record({
  changes: fc
    .array(
      fc.record({
        pause: fc.integer({ min: 6000, max: 30_000 }),
        by: fc.constantFrom(-11_000, -8000, -4000, 4000, 8000, 600_000),
      }),
      { minLength: 1, maxLength: 5 },
    )
    .map((walk) => {
      let at = 60_000;
      return walk.map(({ pause, by }) => ({ at: (at += pause), by }));
    }),
  obtained: fc.integer({ min: 0, max: 200_000 }),
  later: fc.integer({ min: 0, max: 60_000 }),
  writer: fc.integer({ min: 0, max: 1500 }),
  judge: fc.integer({ min: 0, max: 1500 }),
});

describe("the age of a token after steps of the database's clock", () => {
  /** Steps back that add up to more than the token's life are for the table to deal with. */
  const within = ({ changes, obtained }: Case, now: number) => {
    const offsets = [obtained, ...changes.map(({ at }) => at)].map((at) =>
      new Clock(changes).offset(at),
    );
    return Math.max(...offsets) - new Clock(changes).offset(now) < LIFETIME;
  };

  it.each([
    ['a replica that saw them, each at its own moment', false],
    ['a replica that began after them', true],
  ])('is never understated: %s', (_name, cold) => {
    fc.assert(
      fc.property(cases, (each) => {
        const now = each.obtained + each.later;
        fc.pre(within(each, now));
        // A cold one learns of a step when another has noticed it.
        fc.pre(!cold || each.changes.every(({ at }) => now < at || now > at + 1500));
        const { judged, real } = left(each, cold, true);
        return judged < 1000 || real > 0;
      }),
      { numRuns: 20_000, seed: 11 },
    );
  });

  it('would be, by the clock alone', () => {
    const each = {
      changes: [{ at: 60_000, by: -8000 }],
      obtained: 59_000,
      later: 14_000,
      writer: 0,
      judge: 0,
    };
    expect(left(each, false, false)).toEqual({ judged: 6000, real: -2000 });
    expect(left(each, false, true).judged).toBe(-2000);
  });

  it('is taken as it is shown while nothing was stepped, and by a step forward', () => {
    expect(understatedAge([], 5000, LIFETIME, 100_000)).toBe(0);
    const forward = [{ by: 8000, at: 60_000, since: 59_000 }];
    expect(understatedAge(forward, 5000, LIFETIME, 100_000)).toBe(0);
  });

  it('is that of two steps back, of which neither is as long as it lives', () => {
    const twice = [
      { at: 60_000, by: -8000 },
      { at: 71_000, by: -8000 },
    ];
    const each = { changes: twice, obtained: 54_000, later: 18_000, writer: 0, judge: 0 };
    expect(left(each, false, true).judged).toBeLessThan(1000);
  });

  it('lets new tokens be served after a step that is longer than they live', () => {
    const back = [{ by: -3_600_000, at: 60_000, since: 59_000 }];
    expect(understatedAge(back, 2000, LIFETIME, 100_000)).toBe(0);
    // Not in the first moments: its like is being ended in the table.
    expect(understatedAge(back, 2000, LIFETIME, 63_000)).toBe(3_600_000);
    // Of before it beyond doubt: the clock has not shown its time since.
    expect(understatedAge(back, 50_000, 7_200_000, 100_000)).toBe(3_600_000);
  });
});
