import { Check, Column, Entity, Index } from 'typeorm';
import { GrantColumns } from './grant.columns.js';

/** The table `stitch_grants`, with those of its columns that no `Grant` shows. */
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
@Index('stitch_grants_ending_idx', ['provider', 'expiresAt'], {
  where: 'refresh_token IS NULL AND expires_at IS NOT NULL',
})
@Index('stitch_grants_unconfirmed_idx', ['obtainedAt'], {
  where: `status = 'awaiting_confirmation'`,
})
export class GrantEntity extends GrantColumns {
  /** Whom the provider knows the user as. */
  @Column({ type: 'text', nullable: true })
  readonly subject!: string | null;

  /** Sealed: the answer that could not be understood, as it came. */
  @Column({ name: 'held_answer', type: 'bytea', nullable: true })
  readonly heldAnswer!: Buffer | null;

  /** When it was given up: its tokens are wiped 30 days later. */
  @Column({ name: 'retired_at', type: 'timestamptz', nullable: true })
  readonly retiredAt!: Date | null;

  /** The end of which an event told last; written by `EndingStore` alone. */
  @Column({ name: 'announced_end', type: 'timestamptz', nullable: true })
  readonly announcedEnd!: Date | null;
}
