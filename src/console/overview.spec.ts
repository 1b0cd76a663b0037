import { overviewOf } from './overview.js';
import { bucketsOf, grown } from './sample.js';
import type { Sample } from './sample.js';

const MINUTE = 60_000;
const NOW = Date.parse('2026-11-26T10:05:30.000Z');
const MINUTE_OF_NOW = NOW - 30_000;

const sample = (differences: Partial<Sample> = {}): Sample => ({
  host: 'a',
  version: '1.0.0',
  started_at: '2026-11-26T10:00:00.000Z',
  rotations: {},
  life_left: {},
  due: 0,
  due_age_seconds: 0,
  in_doubt: 0,
  in_hand: 0,
  providers: {},
  refresh_paused: false,
  parts_down: [],
  grants: {},
  ...differences,
});

describe('the overview of the console', () => {
  it('adds up what replicas counted in the same minute', () => {
    const { minutes } = overviewOf(
      [
        {
          minute: MINUTE_OF_NOW,
          process: 'p',
          sample: sample({ rotations: { committed: 2 }, due: 1 }),
        },
        {
          minute: MINUTE_OF_NOW,
          process: 'q',
          sample: sample({ rotations: { committed: 3, gone: 1 }, due: 4 }),
        },
      ],
      NOW,
    );
    expect(minutes).toMatchObject([
      { minute: '2026-11-26T10:05:00.000Z', rotations: { committed: 5, gone: 1 }, due: 4 },
    ]);
  });

  it('shows of a provider what the worst off replica sees', () => {
    const well = { breaker: 0, suspected: false };
    const samples = [{ breaker: 2, suspected: false }, well, { breaker: 0, suspected: true }].map(
      (money, index) => ({
        minute: MINUTE_OF_NOW,
        process: String(index),
        sample: sample({ providers: { money, other: well } }),
      }),
    );
    expect(overviewOf(samples, NOW).providers).toEqual({
      money: { breaker: 2, suspected: true },
      other: well,
    });
  });

  it('forgets a replica that is silent, and what it saw, but not what it counted', () => {
    const before = MINUTE_OF_NOW - 10 * MINUTE;
    const gone = sample({
      host: 'b',
      in_hand: 3,
      rotations: { committed: 7 },
      parts_down: ['spool'],
    });
    const { replicas, in_hand, minutes } = overviewOf(
      [
        { minute: before, process: 'q', sample: gone },
        { minute: MINUTE_OF_NOW, process: 'p', sample: sample() },
      ],
      NOW,
    );
    expect(replicas.map(({ host }) => host)).toEqual(['a']);
    expect(in_hand).toBe(0);
    expect(minutes[0]?.rotations).toEqual({ committed: 7 });
  });

  it('takes the grants from a replica that could count them', () => {
    const counted = { money: { active: 5 } };
    const samples = [sample(), sample({ grants: counted })].map((each, index) => ({
      minute: MINUTE_OF_NOW,
      process: String(index),
      sample: each,
    }));
    expect(overviewOf(samples, NOW).grants).toEqual(counted);
  });
});

describe('what counters grew by', () => {
  it('counts a name that was not there from zero', () => {
    expect(grown({ committed: 5, gone: 2 }, { committed: 3 })).toEqual({ committed: 2, gone: 2 });
  });

  it('sums the buckets of all providers, and leaves sums and counts out', () => {
    const of = (metricName: string, le: number | undefined, value: number) => ({
      ...{ metricName, labels: { le }, value },
    });
    expect(
      bucketsOf([of('x_bucket', 0, 1), of('x_bucket', 0, 2), of('x_sum', undefined, 9)]),
    ).toEqual({ '0': 3 });
  });
});
