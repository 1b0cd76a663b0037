import type { Grant } from './grant.js';

/** Of a token's lifetime at most this share can be asked to be left, see `MIN_TTL`. */
const LARGEST_SHARE = 0.8;

/** Milliseconds by which clocks that agree may differ. */
const CLOCK_TOLERANCE_MS = 5000;

/**
 * Milliseconds a token has left; Infinity for one that never expires. None for one that was obtained
 * in the future: the clock has been set back since, and nobody knows how long ago that was.
 */
export function remaining(grant: Pick<Grant, 'expiresAt' | 'obtainedAt'>, now: number): number {
  if (grant.expiresAt === null) return Infinity;
  return grant.obtainedAt > now + CLOCK_TOLERANCE_MS ? 0 : grant.expiresAt - now;
}

/** What a clock says of the times that it has shown. */
export interface StepsSeen {
  understates(obtainedAt: number, lifetime: number, readAt?: number): number;
}

/**
 * The grant with the end that its token has by both clocks: earlier than the row says where the
 * database's clock was set back since.
 *
 * @param readAt monotonic time before the row was read; now, when left out
 */
export function judged(grant: Grant, clock: StepsSeen, readAt?: number): Grant {
  if (grant.expiresAt === null) return grant;
  const lifetime = grant.expiresAt - grant.obtainedAt;
  const late = clock.understates(grant.obtainedAt, lifetime, readAt);
  return late > 0 ? { ...grant, expiresAt: grant.expiresAt - late } : grant;
}

/** What decides whether a token can be served. */
type Served = Pick<Grant, 'expiresAt' | 'obtainedAt' | 'version' | 'rejectedVersion'>;

/** Whether a token can be served at all: it has a whole second left and no one reported it dead. */
export const alive = (grant: Served, now: number): boolean =>
  remaining(grant, now) >= 1000 && !rejected(grant);

/** Whether a caller reported that the API refuses this very token. */
export const rejected = (grant: Pick<Grant, 'version' | 'rejectedVersion'>): boolean =>
  grant.rejectedVersion !== null && grant.rejectedVersion >= grant.version;

/**
 * Whether a token is served as it is: it is alive, and lasts as long as asked for.
 *
 * @param minTtl seconds
 */
export const fresh = (grant: Served, minTtl: number, now: number): boolean =>
  alive(grant, now) && remaining(grant, now) >= neededTtl(grant, minTtl);

/**
 * Milliseconds that a token must have left to be served without a refresh: what the caller asks
 * for, but never more than 80 % of its lifetime. Otherwise every read would rotate a short-lived
 * token.
 *
 * @param minTtl seconds
 */
export function neededTtl(grant: Pick<Grant, 'expiresAt' | 'obtainedAt'>, minTtl: number): number {
  if (grant.expiresAt === null) return 0;
  // One that was ended because the clock was set back ends before it was obtained.
  const lifetime = Math.max(0, grant.expiresAt - grant.obtainedAt);
  return Math.min(minTtl * 1000, lifetime * LARGEST_SHARE);
}
