import type { EnvironmentReader } from './environment-reader.js';
import { defineNamespace } from './namespace.js';

export const REFRESH_POLICIES = ['all', 'active', 'on-demand', 'paused'] as const;
export type RefreshPolicyName = (typeof REFRESH_POLICIES)[number];

/** When tokens are rotated, and how providers are called for it. */
export interface RefreshConfig {
  readonly policy: RefreshPolicyName;
  /** Under `active`, grants read within this time are kept fresh. */
  readonly activeWindowMs: number;
  /** A token is refreshed so long before its end. */
  readonly leadMs: number;
  /** Between two looks at what is due. */
  readonly intervalMs: number;
  /** Calls in flight to one provider, per process. */
  readonly concurrency: number;
  /** Calls to one provider, per process; Infinity for no ceiling. */
  readonly callsPerSecond: number;
  /** How long a reader waits for one provider call. */
  readonly providerTimeoutMs: number;
  /** How long the answer to a refresh is listened for; at least {@link providerTimeoutMs}. */
  readonly answerTimeoutMs: number;
  /** What a served token has left at least, in the unit in which readers ask for more. */
  readonly minTtlSeconds: number;
}

export const refreshConfig = defineNamespace('refresh', (reader): RefreshConfig => {
  const providerTimeoutMs = reader.durationMs('PROVIDER_TIMEOUT', 10, 1, 120);
  return {
    policy: reader.oneOf('REFRESH_POLICY', 'all', REFRESH_POLICIES),
    activeWindowMs: reader.durationMs('REFRESH_ACTIVE_WINDOW', 86_400, 1, 31_536_000),
    leadMs: readLead(reader),
    intervalMs: reader.durationMs('REFRESH_INTERVAL', 5, 1, 3600),
    concurrency: reader.integer('REFRESH_CONCURRENCY', 32, 1, 1000),
    callsPerSecond: reader.integer('PROVIDER_CALLS_PER_SECOND', 0, 1, 100_000) || Infinity,
    providerTimeoutMs,
    answerTimeoutMs: reader.durationMs('ANSWER_TIMEOUT', 120, providerTimeoutMs / 1000, 3600),
    minTtlSeconds: reader.integer('MIN_TTL', 30, 0, 3600),
  };
});

/** Milliseconds, see {@link RefreshConfig.leadMs}; operator commands that store tokens need it too. */
export const readLead = (reader: EnvironmentReader): number =>
  reader.durationMs('REFRESH_LEAD', 180, 1, 86_400);
