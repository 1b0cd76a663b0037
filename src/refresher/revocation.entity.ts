import { Column, CreateDateColumn, Entity, Index, PrimaryColumn } from 'typeorm';

/** The table `stitch_revocations`. Described here for TypeORM; used by the store's SQL. */
@Entity('stitch_revocations')
@Index('stitch_revocations_due_at_idx', ['dueAt'])
export class RevocationEntity {
  @PrimaryColumn({
    type: 'bigint',
    generated: 'identity',
    generatedIdentity: 'ALWAYS',
    primaryKeyConstraintName: 'stitch_revocations_pkey',
  })
  id!: string;

  @Column({ type: 'text' })
  provider!: string;

  @Column({ name: 'user_id', type: 'text' })
  userId!: string;

  @Column({ type: 'text' })
  connection!: string;

  /** Sealed. */
  @Column({ name: 'refresh_token', type: 'bytea' })
  refreshToken!: Buffer;

  @CreateDateColumn({ name: 'created_at', type: 'timestamptz' })
  createdAt!: Date;

  @Column({ name: 'due_at', type: 'timestamptz', default: () => 'now()' })
  dueAt!: Date;

  @Column({ type: 'integer', default: 0 })
  attempts!: number;

  /** Whom the provider knows the user as. */
  @Column({ type: 'text', nullable: true })
  subject!: string | null;

  @Column({ name: 'last_error', type: 'text', nullable: true })
  lastError!: string | null;
}
