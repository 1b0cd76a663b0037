import type { Grant, GrantKey } from './grant.js';

/** A grant that this process has leased, as it is after the claim. */
export interface ClaimedGrant extends Grant {
  /** Whether the refresh token may have been presented before, with the answer lost. */
  readonly inDoubt: boolean;
  /** The epoch of the database's history it was claimed in; a claim of an earlier one is void. */
  readonly epoch?: number;
  /** The subject that the provider knew the user by at the consent, where it said. */
  readonly subject?: string | null;
}

/** Who claims and for how long. */
export interface Lease {
  /** The process, a slash, and what tells this claim of it from every other. */
  readonly owner: string;
  /** Milliseconds; longer than a provider call may take. */
  readonly duration: number;
  /** Whether leases that ran out may be taken over from their owners. */
  readonly takeOver: boolean;
  /** The process, and its last heartbeat: the database must know of it, see `inKnownHistory`. */
  readonly process: string;
  readonly beat: number;
  /** Milliseconds since the epoch: a lease is over when it is so by this clock, too. */
  readonly now: number;
  readonly epoch: number;
}

/** A provider's answer, sealed, on its way into the row it was asked for. */
export interface RotationResult extends GrantKey {
  readonly grantId: string;
  /** The version whose refresh token was presented. */
  readonly version: number;
  /** The lease it was presented under. */
  readonly leaseOwner: string;
  readonly accessToken: Buffer;
  /** Null keeps the old one (RFC 6749 section 6). */
  readonly refreshToken: Buffer | null;
  /** Null keeps the old ones (RFC 6749 section 5.1). */
  readonly scopes: readonly string[] | null;
  readonly obtainedAt: number;
  readonly expiresAt: number | null;
  readonly refreshDueAt: number | null;
  /** What the grant had before, for what the answer says nothing of. */
  readonly kept?: { readonly refreshToken: Buffer | null; readonly scopes: readonly string[] };
}

/**
 * What became of a result: `committed` (also when an earlier, seemingly failed attempt had done
 * it), `superseded` by a newer token of the same consent, or `gone`: the grant was deleted or
 * consented anew, so that the token belongs to nobody.
 */
export type CommitOutcome =
  | { readonly kind: 'committed'; readonly version: number }
  | { readonly kind: 'superseded' }
  | { readonly kind: 'gone' };

/** What an attempt to commit said; `locked`: somebody has the row locked, nothing is decided. */
export type CommitAttempt = CommitOutcome | { readonly kind: 'locked' };

/** How an attempt ended that brought no token. */
export interface FailedAttempt {
  readonly error: string;
  /** Milliseconds from now until the next attempt. */
  readonly retryIn: number;
  /** Whether the refresh token may have been used. */
  readonly inDoubt: boolean;
  /** Whether the provider refused this grant, in whatever words. */
  readonly refused: boolean;
  /**
   * Whether its token may have been spent for nothing by this attempt, and not in a trouble of its own:
   * that is counted for all replicas.
   */
  readonly spent?: boolean;
}

/** An answer that may hold tokens and can't be understood, on its way into the row of its grant. */
export interface HeldAnswer extends GrantKey {
  readonly grantId: string;
  /** The version whose refresh token was presented. */
  readonly version: number;
  /** Sealed: status, headers and body as they came. */
  readonly answer: Buffer;
  /** Why it can't be understood, in fixed words. */
  readonly error: string;
  /** Milliseconds since the epoch. */
  readonly askedAt: number;
}

/**
 * Whether a grant was given up: `overtaken` by a late answer, or `withheld`, because as many grants
 * of the provider as may be were given up since it answered in order.
 */
export type Retirement = 'retired' | 'overtaken' | 'withheld';
