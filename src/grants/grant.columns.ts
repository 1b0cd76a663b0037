import { LRUCache } from 'lru-cache';
import { Column, PrimaryColumn } from 'typeorm';
import type { ValueTransformer } from 'typeorm';
import type { ReauthorizationReason } from '../common/index.js';
import { EntityRows, INTEGER, MILLISECONDS } from '../database/index.js';
import type { GrantKey, GrantStatus } from './grant-key.js';

/** Grants of one provider have few different sets of scopes: one array for all that have the same. */
const KNOWN = new LRUCache<string, readonly string[]>({ max: 1000 });

function scopesOf(text: string): readonly string[] {
  let scopes = KNOWN.get(text);
  if (!scopes) KNOWN.set(text, (scopes = text.split(' ').filter(Boolean)));
  return scopes;
}

/** Scopes are a column of text, separated by spaces (RFC 6749 section 3.3). */
export const SCOPES: ValueTransformer = {
  from: scopesOf,
  to: (scopes: readonly string[]) => scopes.join(' '),
};

/** Whose columns are those of a table that holds tokens: sealed; times by the database's clock. */
export abstract class StoredTokens {
  @Column({ name: 'access_token', type: 'bytea' })
  readonly accessToken!: Buffer;

  @Column({ name: 'refresh_token', type: 'bytea', nullable: true })
  readonly refreshToken!: Buffer | null;

  @Column({ name: 'scope', type: 'text', transformer: SCOPES })
  readonly scopes!: readonly string[];

  @Column({
    name: 'stitch_account_id',
    type: 'bigint',
    nullable: true,
    transformer: INTEGER,
  })
  readonly accountId!: number | null;

  @Column({ name: 'obtained_at', type: 'timestamptz', transformer: MILLISECONDS })
  readonly obtainedAt!: number;

  /** Null: never. */
  @Column({ name: 'expires_at', type: 'timestamptz', nullable: true, transformer: MILLISECONDS })
  readonly expiresAt!: number | null;

  /** Null: not scheduled. */
  @Column({
    name: 'refresh_due_at',
    type: 'timestamptz',
    nullable: true,
    transformer: MILLISECONDS,
  })
  readonly refreshDueAt!: number | null;
}

/** The columns of `stitch_grants` that are read with every row. */
export abstract class GrantColumns extends StoredTokens implements GrantKey {
  @PrimaryColumn({ type: 'text', collation: 'C', primaryKeyConstraintName: 'stitch_grants_pkey' })
  readonly provider!: string;

  @PrimaryColumn({
    name: 'user_id',
    type: 'text',
    collation: 'C',
    primaryKeyConstraintName: 'stitch_grants_pkey',
  })
  readonly userId!: string;

  @PrimaryColumn({ type: 'text', collation: 'C', primaryKeyConstraintName: 'stitch_grants_pkey' })
  readonly connection!: string;

  /** Changes with every new consent: what is left of an older one can be told by it. */
  @Column({ name: 'grant_id', type: 'uuid' })
  readonly grantId!: string;

  @Column({ type: 'text' })
  readonly status!: GrantStatus;

  @Column({ type: 'text', nullable: true })
  readonly reason!: ReauthorizationReason | null;

  /** Grows by one with every rotation. */
  @Column({ type: 'bigint', default: 1, transformer: INTEGER })
  readonly version!: number;

  /** The newest version that a caller reported as refused by the API; null when none was. */
  @Column({ name: 'rejected_version', type: 'bigint', nullable: true, transformer: INTEGER })
  readonly rejectedVersion!: number | null;

  @Column({ name: 'lease_owner', type: 'text', nullable: true })
  readonly leaseOwner!: string | null;

  @Column({
    name: 'lease_expires_at',
    type: 'timestamptz',
    nullable: true,
    transformer: MILLISECONDS,
  })
  readonly leaseExpiresAt!: number | null;

  /** Set while a refresh token is with the provider, and after that went wrong. */
  @Column({
    name: 'rotation_started_at',
    type: 'timestamptz',
    nullable: true,
    transformer: MILLISECONDS,
  })
  readonly rotationStartedAt!: number | null;

  @Column({ name: 'failure_count', type: 'integer', default: 0 })
  readonly failureCount!: number;

  @Column({ name: 'last_error', type: 'text', nullable: true })
  readonly lastError!: string | null;

  @Column({ name: 'last_read_at', type: 'timestamptz', nullable: true, transformer: MILLISECONDS })
  readonly lastReadAt!: number | null;

  /** Since when this grant is refused in other words than `invalid_grant`. */
  @Column({ name: 'refused_since', type: 'timestamptz', nullable: true, transformer: MILLISECONDS })
  readonly refusedSince!: number | null;

  /** Since when an answer is kept that can't be understood: nothing is presented meanwhile. */
  @Column({ name: 'held_at', type: 'timestamptz', nullable: true, transformer: MILLISECONDS })
  readonly heldAt!: number | null;
}

/** Reads rows of `stitch_grants`. */
export const GRANT_ROWS = new EntityRows<Readonly<GrantColumns>>(GrantColumns);
