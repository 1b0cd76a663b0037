import { judgeProvider } from './judge-provider.js';
import type { ProviderRecord, ProviderVerdict } from './judge-provider.js';

const record = (
  since: Partial<ProviderRecord['since']>,
  refusedLately = since.refused ?? 0,
  orderlyLately = 0,
  refusedOfLast = 0,
  spentOfLast = 0,
): ProviderRecord => ({
  since: {
    ...{ unreachable: 0, limited: 0, failed: 0, overdue: 0 },
    ...{ refused: 0, spent: 0, unreadable: 0, ...since },
  },
  refusedLately,
  orderlyLately,
  refusedOfLast,
  spentOfLast,
});

describe('whether the provider or single grants are in trouble', () => {
  it.each<[string, ProviderRecord, ProviderVerdict['stop'], boolean]>([
    ['nothing is known yet', record({}), 'none', true],
    ['one user has withdrawn', record({ refused: 1 }), 'none', true],
    ['two users have withdrawn, one after the other', record({ refused: 2 }), 'none', true],
    ['three grants are refused with none in order between', record({ refused: 3 }), 'fuse', false],
    ['all of six grants are refused', record({ refused: 6 }), 'fuse', false],
    ['thousands are refused', record({ refused: 5000 }), 'fuse', false],
    ['an answer is overdue', record({ overdue: 1 }), 'none', true],
    ['two are, with none in order between', record({ overdue: 2 }), 'pause', true],
    ['an answer is unreadable', record({ unreadable: 1 }), 'none', true],
    [
      'two answers are unreadable with none in order between',
      record({ unreadable: 2 }),
      'fuse',
      false,
    ],
    ['two doubts end in invalid_grant', record({ spent: 2 }), 'none', true],
    ['three of them do', record({ spent: 3 }), 'fuse', false],
    ['forty withdraw over a day beside thousands', record({ refused: 1 }, 1, 400), 'none', true],
    ['five withdraw in ten minutes beside hundreds', record({ refused: 1 }, 5, 300), 'none', true],
    ['every third is refused for ten minutes', record({ refused: 1 }, 40, 80), 'none', false],
    ['half of the nodes refuse, after hours in order', record({}, 5, 9000, 5), 'none', false],
    ['four of the last 25 withdraw', record({}, 4, 9000, 4), 'none', true],
    ['half of the nodes spend tokens for nothing', record({}, 3, 9000, 3, 3), 'fuse', false],
    ['two of the last 25 answers were lost', record({}, 2, 9000, 2, 2), 'none', true],
    ['connections are refused', record({ unreachable: 1 }), 'pause', true],
    ['one grant alone is asked to wait', record({ limited: 1 }), 'none', true],
    ['three grants are asked to wait', record({ limited: 3 }), 'pause', true],
    ['the bank of four users is down', record({ failed: 4 }), 'none', true],
    ['five grants fail with none in order between', record({ failed: 5 }), 'pause', true],
    ['failures of several kinds', record({ failed: 3, limited: 1, refused: 1 }), 'pause', true],
  ])('%s', (_, known, stop, believable) => {
    expect(judgeProvider(known)).toMatchObject({ stop, believable });
  });

  it('spares grants where a probe may cost one', () => {
    expect(judgeProvider(record({ refused: 3 })).probesCost).toBe(false);
    expect(judgeProvider(record({ spent: 3 })).probesCost).toBe(true);
    expect(judgeProvider(record({ refused: 2, unreadable: 1 })).probesCost).toBe(true);
    expect(judgeProvider(record({ failed: 1 }, 5, 9000, 5, 5)).probesCost).toBe(true);
  });

  it('follows Retry-After for everybody only when several were told', () => {
    expect(judgeProvider(record({ limited: 4 })).waitForAll).toBe(false);
    expect(judgeProvider(record({ limited: 5 })).waitForAll).toBe(true);
  });
});
