import type { ClaimedGrant } from '../grants/index.js';
import { LONGEST_ASKED_MS } from '../providers/index.js';
import type { ProviderError } from '../providers/index.js';

/** Milliseconds: full jitter is taken from an exponentially growing range between these. */
const PROVIDER_BACKOFF = { first: 500, longest: 4000 };
const GRANT_BACKOFF = { first: 1000, longest: 60_000 };
/** Failures in a row after which a grant that fails alone is tried at a slow pace of its own. */
const CHRONIC = { failures: 60, longest: 300_000 };
/** Attempts for which a lost answer is asked for anew within seconds: a provider's grace lasts for half a minute. */
const WITHIN_GRACE = 12;
/** Milliseconds until a grant is tried again whose refusal is not believed. */
const DISBELIEVED_MS = { least: 2000, most: 10_000, longest: 40_000 };

/**
 * Milliseconds until a grant is tried again. The first retry of a grant in doubt is at once: a
 * provider's grace, if it has one, is short. What the provider asked for when it refused one grant
 * binds that grant. Pure but for `random`.
 *
 * @param alone whether others are served meanwhile
 */
export function waitUntilRetry(
  { failureCount }: Pick<ClaimedGrant, 'failureCount'>,
  error: Pick<ProviderError, 'kind' | 'leavesDoubt' | 'retryAfter'>,
  alone: boolean,
  random: () => number,
): number {
  const asked = Math.min(error.retryAfter ?? 0, LONGEST_ASKED_MS);
  if (error.kind === 'invalid_grant') {
    const { least, longest } = DISBELIEVED_MS;
    const most = Math.min(longest, DISBELIEVED_MS.most * 2 ** Math.min(failureCount, 2));
    return Math.floor(least + random() * (most - least));
  }
  if (error.leavesDoubt && failureCount === 0) return asked;
  const isHaste = error.leavesDoubt && failureCount < WITHIN_GRACE;
  const { first, longest } = alone && !isHaste ? ownBackoff(failureCount) : PROVIDER_BACKOFF;
  const range = Math.min(longest, first * 2 ** Math.min(failureCount, 10));
  return Math.max(asked, Math.floor(random() * range));
}

/** How often a grant is tried that fails while others are served. */
const ownBackoff = (failureCount: number) =>
  failureCount < CHRONIC.failures
    ? GRANT_BACKOFF
    : { first: GRANT_BACKOFF.first, longest: CHRONIC.longest };
