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

  it('misses a replica that is silent, and forgets what it saw, but not what it counted', () => {
    const before = MINUTE_OF_NOW - 2 * MINUTE;
    const seen = {
      host: 'b',
      in_hand: 3,
      rotations: { committed: 7 },
      parts_down: ['spool'],
      seen_at: new Date(NOW - 100_000).toISOString(),
    };
    const well = { minute: MINUTE_OF_NOW, process: 'p', sample: sample() };
    const overview = (differences: Partial<Sample>) =>
      overviewOf(
        [{ minute: before, process: 'q', sample: sample({ ...seen, ...differences }) }, well],
        NOW,
      );
    const { replicas, in_hand, minutes } = overview({});
    expect(replicas.map(({ host, silent_seconds }) => [host, silent_seconds])).toEqual([
      ['a', null],
      ['b', 100],
    ]);
    expect(in_hand).toBe(0);
    expect(minutes[0]?.rotations).toEqual({ committed: 7 });
    // Nobody misses who ended in order, is gone for long, was replaced, or could not have said so.
    const hosts = (differences: Partial<Sample>) =>
      overview(differences).replicas.map(({ host }) => host);
    expect(hosts({ ended: true })).toEqual(['a']);
    expect(hosts({ seen_at: new Date(NOW - 700_000).toISOString() })).toEqual(['a']);
    expect(hosts({ host: 'a', seen_at: '2026-11-26T09:59:59.000Z' })).toEqual(['a']);
    expect(overviewOf([{ ...well, minute: before }], NOW).replicas).toEqual([]);
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
