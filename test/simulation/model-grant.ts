import type { Grant } from '../../src/grants/index.js';
import { LIFETIME } from './model-provider.js';
import type { ModelProvider } from './model-provider.js';
import type { VirtualClock } from './virtual-clock.js';

export const key = (userId: string) => ({ provider: 'model', userId, connection: 'default' });

/** A grant as a consent would have brought it. */
export function newGrant(userId: string, provider: ModelProvider, clock: VirtualClock): Grant {
  const { access, refresh } = provider.grant(userId);
  const now = clock.now();
  return {
    ...key(userId),
    grantId: userId,
    status: 'active',
    reason: null,
    accessToken: Buffer.from(access),
    refreshToken: Buffer.from(refresh),
    scopes: [],
    accountId: null,
    obtainedAt: now,
    expiresAt: now + LIFETIME,
    refreshDueAt: now + LIFETIME * 0.6,
    version: 1,
    rejectedVersion: null,
    leaseOwner: null,
    leaseExpiresAt: null,
    rotationStartedAt: null,
    failureCount: 0,
    lastError: null,
    lastReadAt: null,
    refusedSince: null,
    heldAt: null,
  };
}
