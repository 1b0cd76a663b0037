import { Check, Column, Entity, Index, PrimaryColumn } from 'typeorm';

/** The table `stitch_grants`. Described here for TypeORM; read and written by the stores' SQL. */
@Entity('stitch_grants')
@Check(
  'stitch_grants_status_check',
  `status IN ('active', 'awaiting_confirmation', 'reauthorization_required', 'suspended')`,
)
@Index('stitch_grants_due_idx', ['provider', 'refreshDueAt'], {
  where: 'rotation_started_at IS NULL AND refresh_due_at IS NOT NULL',
})
@Index('stitch_grants_in_doubt_idx', ['provider', 'refreshDueAt'], {
  where: 'rotation_started_at IS NOT NULL',
})
@Index('stitch_grants_subject_idx', ['provider', 'subject'], { where: 'subject IS NOT NULL' })
@Index('stitch_grants_held_idx', ['heldAt'], { where: 'held_at IS NOT NULL' })
@Index('stitch_grants_retired_idx', ['retiredAt'], {
  where: 'retired_at IS NOT NULL AND refresh_token IS NOT NULL',
})
@Index('stitch_grants_unconfirmed_idx', ['obtainedAt'], {
  where: `status = 'awaiting_confirmation'`,
})
export class GrantEntity {
  @PrimaryColumn({ type: 'text', collation: 'C', primaryKeyConstraintName: 'stitch_grants_pkey' })
  provider!: string;

  @PrimaryColumn({
    name: 'user_id',
    type: 'text',
    collation: 'C',
    primaryKeyConstraintName: 'stitch_grants_pkey',
  })
  userId!: string;

  @PrimaryColumn({ type: 'text', collation: 'C', primaryKeyConstraintName: 'stitch_grants_pkey' })
  connection!: string;

  @Column({ name: 'grant_id', type: 'uuid' })
  grantId!: string;

  @Column({ type: 'text' })
  status!: string;

  @Column({ type: 'text', nullable: true })
  reason!: string | null;

  @Column({ name: 'access_token', type: 'bytea' })
  accessToken!: Buffer;

  @Column({ name: 'refresh_token', type: 'bytea', nullable: true })
  refreshToken!: Buffer | null;

  @Column({ type: 'text' })
  scope!: string;

  /** Read by nobody; goes with a later version, as replicas of the one before still write it. */
  @Column({ name: 'token_type', type: 'text', default: 'Bearer' })
  tokenType!: string;

  @Column({ type: 'text', nullable: true })
  subject!: string | null;

  @Column({ name: 'stitch_account_id', type: 'bigint', nullable: true })
  stitchAccountId!: string | null;

  @Column({ name: 'obtained_at', type: 'timestamptz' })
  obtainedAt!: Date;

  @Column({ name: 'expires_at', type: 'timestamptz', nullable: true })
  expiresAt!: Date | null;

  @Column({ name: 'refresh_due_at', type: 'timestamptz', nullable: true })
  refreshDueAt!: Date | null;

  @Column({ type: 'bigint', default: 1 })
  version!: string;

  @Column({ name: 'rejected_version', type: 'bigint', nullable: true })
  rejectedVersion!: string | null;

  @Column({ name: 'lease_owner', type: 'text', nullable: true })
  leaseOwner!: string | null;

  @Column({ name: 'lease_expires_at', type: 'timestamptz', nullable: true })
  leaseExpiresAt!: Date | null;

  @Column({ name: 'rotation_started_at', type: 'timestamptz', nullable: true })
  rotationStartedAt!: Date | null;

  @Column({ name: 'failure_count', type: 'integer', default: 0 })
  failureCount!: number;

  @Column({ name: 'last_error', type: 'text', nullable: true })
  lastError!: string | null;

  @Column({ name: 'last_read_at', type: 'timestamptz', nullable: true })
  lastReadAt!: Date | null;

  @Column({ name: 'refused_since', type: 'timestamptz', nullable: true })
  refusedSince!: Date | null;

  @Column({ name: 'held_at', type: 'timestamptz', nullable: true })
  heldAt!: Date | null;

  @Column({ name: 'held_answer', type: 'bytea', nullable: true })
  heldAnswer!: Buffer | null;

  @Column({ name: 'retired_at', type: 'timestamptz', nullable: true })
  retiredAt!: Date | null;
}
