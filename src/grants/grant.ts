import type { ReauthorizationReason } from '../common/index.js';

/** What names a grant from outside. */
export interface GrantKey {
  readonly provider: string;
  readonly userId: string;
  readonly connection: string;
}

export const GRANT_STATUSES = [
  'active',
  'awaiting_confirmation',
  'reauthorization_required',
  'suspended',
] as const;
export type GrantStatus = (typeof GRANT_STATUSES)[number];

/** A stored grant. Tokens are sealed; times are milliseconds since the epoch, database clock. */
export interface Grant extends GrantKey {
  /** Changes with every new consent: what is left of an older one can be told by it. */
  readonly grantId: string;
  readonly status: GrantStatus;
  readonly reason: ReauthorizationReason | null;
  readonly accessToken: Buffer;
  readonly refreshToken: Buffer | null;
  readonly scopes: readonly string[];
  readonly accountId: number | null;
  readonly obtainedAt: number;
  /** Null: never. */
  readonly expiresAt: number | null;
  /** Null: not scheduled. */
  readonly refreshDueAt: number | null;
  /** Grows by one with every rotation. */
  readonly version: number;
  /** The newest version that a caller reported as refused by the API; null when none was. */
  readonly rejectedVersion: number | null;
  readonly leaseOwner: string | null;
  readonly leaseExpiresAt: number | null;
  /** Set while a refresh token is with the provider, and after that went wrong. */
  readonly rotationStartedAt: number | null;
  readonly failureCount: number;
  readonly lastError: string | null;
  readonly lastReadAt: number | null;
  /** Since when this grant is refused in other words than `invalid_grant`. */
  readonly refusedSince: number | null;
  /** Since when an answer is kept that can't be understood: nothing is presented meanwhile. */
  readonly heldAt: number | null;
}

/** A key for maps. Ids hold no control characters, so NUL separates without ambiguity. */
export const grantKeyText = ({ provider, userId, connection }: GrantKey): string =>
  `${provider}\0${userId}\0${connection}`;
