import type { Grant } from '../../src/grants/index.js';
import { sampleGrant } from '../support/sample-grant.js';
import { LIFETIME } from './model-provider.js';
import type { ModelProvider } from './model-provider.js';
import type { VirtualClock } from './virtual-clock.js';

export const key = (userId: string) => ({ provider: 'model', userId, connection: 'default' });

/** A grant as a consent would have brought it. */
export function newGrant(userId: string, provider: ModelProvider, clock: VirtualClock): Grant {
  const { access, refresh } = provider.grant(userId);
  const now = clock.now();
  return sampleGrant({
    ...key(userId),
    grantId: userId,
    accessToken: Buffer.from(access),
    refreshToken: Buffer.from(refresh),
    obtainedAt: now,
    expiresAt: now + LIFETIME,
    refreshDueAt: now + LIFETIME * 0.6,
  });
}
