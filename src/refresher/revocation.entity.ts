import { Column, CreateDateColumn, Entity, Index, PrimaryColumn } from 'typeorm';
import { EntityRows } from '../database/index.js';

/** The table `stitch_revocations`. */
@Entity('stitch_revocations')
@Index('stitch_revocations_due_at_idx', ['dueAt'])
export class RevocationEntity {
  @PrimaryColumn({
    type: 'bigint',
    generated: 'identity',
    generatedIdentity: 'ALWAYS',
    primaryKeyConstraintName: 'stitch_revocations_pkey',
  })
  readonly id!: string;

  @Column({ type: 'text' })
  readonly provider!: string;

  @Column({ name: 'user_id', type: 'text' })
  readonly userId!: string;

  @Column({ type: 'text' })
  readonly connection!: string;

  /** Sealed. */
  @Column({ name: 'refresh_token', type: 'bytea' })
  readonly refreshToken!: Buffer;

  @CreateDateColumn({ name: 'created_at', type: 'timestamptz' })
  readonly createdAt!: Date;

  @Column({ name: 'due_at', type: 'timestamptz', default: () => 'now()' })
  readonly dueAt!: Date;

  @Column({ type: 'integer', default: 0 })
  readonly attempts!: number;

  /** Whom the provider knows the user as; null: not known. */
  @Column({ type: 'text', nullable: true })
  readonly subject!: string | null;

  @Column({ name: 'last_error', type: 'text', nullable: true })
  readonly lastError!: string | null;
}

/** Reads and writes rows of `stitch_revocations`. */
export const REVOCATION_ROWS = new EntityRows<RevocationEntity>(RevocationEntity);
