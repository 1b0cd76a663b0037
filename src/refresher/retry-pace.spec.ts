import { ProviderError } from '../providers/index.js';
import { waitUntilRetry } from './retry-pace.js';

const down = new ProviderError('unavailable', 'http_500');
const limited = new ProviderError('rate_limited', 'http_429', 600_000);
const dead = new ProviderError('invalid_grant', 'invalid_grant');
const never = new ProviderError('rate_limited', 'http_429', 86_400_000);

describe('when a grant is tried again', () => {
  it.each([
    ['a doubt for the first time: at once', 0, down, true, 0, 0],
    ['a doubt again, others are served: within its grace', 5, down, true, 0, 4000],
    ['a doubt after twelve attempts', 12, down, true, 0, 60_000],
    ['a doubt again, with all others', 5, down, false, 0, 4000],
    ['alone for an hour', 59, down, true, 0, 60_000],
    ['alone for ever: a slow pace of its own', 60, down, true, 0, 300_000],
    ['asked to wait: this grant alone does', 0, limited, true, 600_000, 600_000],
    ['asked to wait for a day: as for a quarter of an hour', 0, never, true, 900_000, 900_000],
    ['a refusal that is not believed', 0, dead, true, 2000, 10_000],
    ['the same once more', 9, dead, true, 2000, 40_000],
  ])('%s', (_, failureCount, error, alone, least, most) => {
    expect(waitUntilRetry({ failureCount }, error, alone, () => 0)).toBe(least);
    expect(waitUntilRetry({ failureCount }, error, alone, () => 1)).toBe(most);
  });
});
