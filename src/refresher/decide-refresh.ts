import type { RefreshPolicyName } from '../config/index.js';
import { fresh, rejected } from '../grants/index.js';
import type { Grant } from '../grants/index.js';
import type { RefreshDemand } from '../tokens/index.js';

/** Which grants the schedule keeps fresh by itself. */
export interface RefreshPolicy {
  readonly mode: RefreshPolicyName;
  /** Milliseconds since the last read for which a grant counts as in use (`active`). */
  readonly activeWindow: number;
  /** Whether no refresh token may be presented at the moment, whatever the mode. */
  readonly paused?: () => boolean;
}

/** Whether nobody may present a refresh token: an operator's word, or the database's history. */
export const isPaused = ({ mode, paused }: RefreshPolicy): boolean =>
  mode === 'paused' || (paused?.() ?? false);

/**
 * Whether the schedule was to replace a grant's token before it ended. Under `active` one that was read last
 * while it lived, not too long ago; of one that was read since nobody can tell.
 */
export function isKeptFresh(
  { expiresAt, lastReadAt }: Pick<Grant, 'expiresAt' | 'lastReadAt'>,
  { mode, activeWindow }: RefreshPolicy,
): boolean {
  if (expiresAt === null || mode === 'on-demand' || mode === 'paused') return false;
  if (mode === 'all') return true;
  const idle = lastReadAt === null ? Infinity : expiresAt - lastReadAt;
  return idle >= 0 && idle <= activeWindow;
}

/** What the decision is about: what the schedule found, or what somebody is waiting for. */
export type RefreshTrigger = { readonly kind: 'schedule' } | RefreshDemand;

export type RefreshReason =
  | 'in_doubt'
  | 'rejected'
  | 'stale'
  | 'due'
  | 'not_active'
  | 'no_refresh_token'
  | 'held'
  | 'leased'
  | 'backing_off'
  | 'fresh'
  | 'not_due'
  | 'on_demand'
  | 'paused'
  | 'dormant';

export interface RefreshDecision {
  readonly refresh: boolean;
  readonly reason: RefreshReason;
}

const yes = (reason: RefreshReason): RefreshDecision => ({ refresh: true, reason });
const no = (reason: RefreshReason): RefreshDecision => ({ refresh: false, reason });

/**
 * Whether a grant's refresh token is to be presented now, and why or why not. Pure: everything it
 * depends on is an argument.
 *
 * @param now milliseconds since the epoch, on the clock of the grant's own times
 */
export function decideRefresh(
  grant: Grant,
  policy: RefreshPolicy,
  now: number,
  trigger: RefreshTrigger = { kind: 'schedule' },
): RefreshDecision {
  if (grant.status !== 'active') return no('not_active');
  if (grant.heldAt !== null) return no('held');
  if (grant.refreshToken === null) return no('no_refresh_token');
  if (isPaused(policy)) return no('paused');
  if (grant.leaseOwner !== null && (grant.leaseExpiresAt ?? 0) > now) return no('leased');
  const due = grant.refreshDueAt !== null && grant.refreshDueAt <= now;
  // A grant off the schedule waits for nothing: whoever wants it has it refreshed.
  if (grant.failureCount > 0 && grant.refreshDueAt !== null && !due) return no('backing_off');
  // Whether or not anyone wants the token: the longer the doubt, the likelier the loss.
  if (grant.rotationStartedAt !== null) return yes('in_doubt');
  if (rejected(grant)) return yes('rejected');
  if (trigger.kind === 'reader') {
    return fresh(grant, trigger.minTtl, now) ? no('fresh') : yes('stale');
  }
  if (!due) return no('not_due');
  if (policy.mode === 'on-demand') return no('on_demand');
  const readLately = grant.lastReadAt !== null && now - grant.lastReadAt <= policy.activeWindow;
  if (policy.mode === 'active' && !readLately) return no('dormant');
  return yes('due');
}
