import type { ReauthorizationReason } from '../common/index.js';
import type { ClaimedGrant } from '../grants/index.js';
import type { ProviderError } from '../providers/index.js';

/** Milliseconds for which a grant alone is refused, in whatever words, before it is given up. */
const REFUSED_FOR_MS = 86_400_000;

/** What the provider's other calls say about a refusal. */
export interface RefusalContext {
  /** Whether refusals of this provider may be believed at the moment. */
  readonly believable: boolean;
  /** Whether this grant fails while others are served. */
  readonly alone: boolean;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/**
 * Whether a failed refresh ends the grant, and as what; undefined keeps it. Only a provider that
 * serves others is believed: `invalid_grant` at once, every other refusal after a day of it. Pure.
 */
export function reasonToGiveUp(
  grant: Pick<ClaimedGrant, 'inDoubt' | 'refusedSince'>,
  error: Pick<ProviderError, 'kind' | 'isRefusal'>,
  { believable, alone, now }: RefusalContext,
): ReauthorizationReason | undefined {
  if (!believable) return undefined;
  if (error.kind === 'invalid_grant') return grant.inDoubt ? 'rotation_lost' : 'grant_revoked';
  const forLong = grant.refusedSince !== null && now - grant.refusedSince >= REFUSED_FOR_MS;
  return error.isRefusal && alone && forLong ? 'refused' : undefined;
}
