import { LRUCache } from 'lru-cache';
import type { ReauthorizationReason } from '../common/index.js';
import type { Grant, GrantStatus } from './grant.js';

/** A row of `stitch_grants` as the driver returns it. */
export interface GrantRow {
  provider: string;
  user_id: string;
  connection: string;
  grant_id: string;
  status: string;
  reason: string | null;
  access_token: Buffer;
  refresh_token: Buffer | null;
  scope: string;
  stitch_account_id: string | null;
  obtained_at: Date;
  expires_at: Date | null;
  refresh_due_at: Date | null;
  version: string;
  rejected_version: string | null;
  lease_owner: string | null;
  lease_expires_at: Date | null;
  rotation_started_at: Date | null;
  failure_count: number;
  last_error: string | null;
  last_read_at: Date | null;
  refused_since: Date | null;
  held_at: Date | null;
}

/** The columns of {@link GrantRow}, of the table alias `g`. */
export const GRANT_COLUMNS = `g.provider, g.user_id, g.connection, g.grant_id, g.status, g.reason,
  g.access_token, g.refresh_token, g.scope, g.stitch_account_id, g.obtained_at, g.expires_at,
  g.refresh_due_at, g.version, g.rejected_version, g.lease_owner, g.lease_expires_at,
  g.rotation_started_at, g.failure_count, g.last_error, g.last_read_at,
  g.refused_since, g.held_at`;

/** Grants of one provider have few different sets of scopes: one array for all that have the same. */
const KNOWN_SCOPES = new LRUCache<string, readonly string[]>({ max: 1000 });

function scopesOf(text: string): readonly string[] {
  let scopes = KNOWN_SCOPES.get(text);
  if (!scopes) KNOWN_SCOPES.set(text, (scopes = text.split(' ').filter(Boolean)));
  return scopes;
}

const time = (date: Date | null) => date?.getTime() ?? null;
const number = (text: string | null) => (text === null ? null : Number(text));

export function toGrant(row: GrantRow): Grant {
  return {
    provider: row.provider,
    userId: row.user_id,
    connection: row.connection,
    grantId: row.grant_id,
    status: row.status as GrantStatus,
    reason: row.reason as ReauthorizationReason | null,
    accessToken: row.access_token,
    refreshToken: row.refresh_token,
    scopes: scopesOf(row.scope),
    accountId: number(row.stitch_account_id),
    obtainedAt: row.obtained_at.getTime(),
    expiresAt: time(row.expires_at),
    refreshDueAt: time(row.refresh_due_at),
    version: Number(row.version),
    rejectedVersion: number(row.rejected_version),
    leaseOwner: row.lease_owner,
    leaseExpiresAt: time(row.lease_expires_at),
    rotationStartedAt: time(row.rotation_started_at),
    failureCount: row.failure_count,
    lastError: row.last_error,
    lastReadAt: time(row.last_read_at),
    refusedSince: time(row.refused_since),
    heldAt: time(row.held_at),
  };
}
