import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import { StoredTokens } from './grant.columns.js';

/** What a consent brought: a row of `stitch_unconfirmed_grants`, or of `stitch_grants` at first. */
@Entity('stitch_unconfirmed_grants')
@Index('stitch_unconfirmed_grants_name_idx', ['provider', 'userId', 'connection'])
@Index('stitch_unconfirmed_grants_obtained_at_idx', ['obtainedAt'])
export class ConsentedGrant extends StoredTokens {
  /** The authorization request that brought it. */
  @PrimaryColumn({
    name: 'grant_id',
    type: 'uuid',
    primaryKeyConstraintName: 'stitch_unconfirmed_grants_pkey',
  })
  readonly grantId!: string;

  @Column({ type: 'text', collation: 'C' })
  readonly provider!: string;

  @Column({ name: 'user_id', type: 'text', collation: 'C' })
  readonly userId!: string;

  @Column({ type: 'text', collation: 'C' })
  readonly connection!: string;

  /** Whom the provider knows the user as. */
  @Column({ type: 'text', nullable: true })
  readonly subject!: string | null;
}
