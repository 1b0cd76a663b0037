import { judgeProvider } from './judge-provider.js';
import type { ProviderRecord, ProviderVerdict } from './judge-provider.js';

const record = (
  since: Partial<ProviderRecord['since']>,
  refusedLately = since.unusual ?? 0,
  orderlyLately = 0,
): ProviderRecord => ({
  since: { unreachable: 0, limited: 0, failed: 0, unusual: 0, ...since },
  refusedLately,
  orderlyLately,
});

describe('whether the provider or single grants are in trouble', () => {
  it.each<[string, ProviderRecord, ProviderVerdict['stop'], boolean]>([
    ['nothing is known yet', record({}), 'none', true],
    ['one user has withdrawn', record({ unusual: 1 }), 'none', true],
    ['two users have withdrawn, one after the other', record({ unusual: 2 }), 'none', true],
    ['three grants are refused with none in order between', record({ unusual: 3 }), 'fuse', false],
    ['all of six grants are refused', record({ unusual: 6 }), 'fuse', false],
    ['thousands are refused', record({ unusual: 5000 }), 'fuse', false],
    ['forty withdraw over a day beside thousands', record({ unusual: 1 }, 1, 400), 'none', true],
    ['five withdraw in ten minutes beside hundreds', record({ unusual: 1 }, 5, 300), 'none', true],
    ['every third is refused for ten minutes', record({ unusual: 1 }, 40, 80), 'none', false],
    ['connections are refused', record({ unreachable: 1 }), 'pause', true],
    ['one grant alone is asked to wait', record({ limited: 1 }), 'none', true],
    ['three grants are asked to wait', record({ limited: 3 }), 'pause', true],
    ['the bank of four users is down', record({ failed: 4 }), 'none', true],
    ['five grants fail with none in order between', record({ failed: 5 }), 'pause', true],
    ['failures of several kinds', record({ failed: 3, limited: 1, unusual: 1 }), 'pause', true],
  ])('%s', (_, known, stop, believable) => {
    expect(judgeProvider(known)).toMatchObject({ stop, believable });
  });

  it('follows Retry-After for everybody only when several were told', () => {
    expect(judgeProvider(record({ limited: 4 })).waitForAll).toBe(false);
    expect(judgeProvider(record({ limited: 5 })).waitForAll).toBe(true);
  });
});
