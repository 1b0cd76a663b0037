import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

/** The table `stitch_unconfirmed_grants`. Described here for TypeORM; used by the store's SQL. */
@Entity('stitch_unconfirmed_grants')
@Index('stitch_unconfirmed_grants_name_idx', ['provider', 'userId', 'connection'])
@Index('stitch_unconfirmed_grants_obtained_at_idx', ['obtainedAt'])
export class UnconfirmedEntity {
  /** The authorization request that brought it. */
  @PrimaryColumn({
    name: 'grant_id',
    type: 'uuid',
    primaryKeyConstraintName: 'stitch_unconfirmed_grants_pkey',
  })
  grantId!: string;

  @Column({ type: 'text', collation: 'C' })
  provider!: string;

  @Column({ name: 'user_id', type: 'text', collation: 'C' })
  userId!: string;

  @Column({ type: 'text', collation: 'C' })
  connection!: string;

  /** Sealed, as for `stitch_grants`. */
  @Column({ name: 'access_token', type: 'bytea' })
  accessToken!: Buffer;

  /** Sealed, as for `stitch_grants`. */
  @Column({ name: 'refresh_token', type: 'bytea', nullable: true })
  refreshToken!: Buffer | null;

  @Column({ type: 'text' })
  scope!: string;

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
}
