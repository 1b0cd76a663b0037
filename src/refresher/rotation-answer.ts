import type { IssuedTokens } from '../providers/index.js';
import { consentOf, refreshDueAt } from '../grants/index.js';
import type { ClaimedGrant, Grant, RotationResult } from '../grants/index.js';
import type { RotationDependencies } from './rotation-dependencies.js';

type Needs = Pick<RotationDependencies, 'sealer' | 'random'>;

/**
 * What is written of an answer: its tokens, sealed for the row that they belong to, and when they are due.
 *
 * @param askedAt milliseconds since the epoch: a lifetime counts from the question, not from the answer
 * @param lead milliseconds before its end at which a token is due
 */
export function resultOf(
  grant: ClaimedGrant,
  issued: IssuedTokens,
  askedAt: number,
  lead: number,
  { sealer, random }: Needs,
): RotationResult {
  const { provider, userId, connection, grantId, version } = grant;
  const expiresAt = issued.expiresIn === null ? null : askedAt + issued.expiresIn * 1000;
  // Said in so many words: the tokens are bound to them.
  const scopes = issued.scopes ?? grant.scopes;
  const consent = { ...consentOf(grant), scopes };
  const seal = (token: string, column: 'access_token' | 'refresh_token') =>
    sealer.seal(token, column, grant, consent);
  return {
    provider,
    userId,
    connection,
    grantId,
    version,
    leaseOwner: grant.leaseOwner ?? '',
    accessToken: seal(issued.accessToken, 'access_token'),
    refreshToken: issued.refreshToken === null ? null : seal(issued.refreshToken, 'refresh_token'),
    scopes,
    obtainedAt: askedAt,
    expiresAt,
    refreshDueAt: refreshDueAt({ obtainedAt: askedAt, expiresAt }, lead, random),
    kept: { refreshToken: grant.refreshToken, scopes: grant.scopes },
  };
}

/** The row as the commit left it. */
export function rotated(grant: ClaimedGrant, result: RotationResult, version: number): Grant {
  return {
    ...grant,
    status: 'active',
    reason: null,
    accessToken: result.accessToken,
    refreshToken: result.refreshToken ?? grant.refreshToken,
    scopes: result.scopes ?? grant.scopes,
    obtainedAt: result.obtainedAt,
    expiresAt: result.expiresAt,
    refreshDueAt: result.refreshDueAt,
    version,
    leaseOwner: null,
    leaseExpiresAt: null,
    rotationStartedAt: null,
    failureCount: 0,
    lastError: null,
  };
}
