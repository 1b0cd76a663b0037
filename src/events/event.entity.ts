import { Check, Column, CreateDateColumn, Entity, Index, PrimaryColumn, Unique } from 'typeorm';
import type { EventType } from '../common/index.js';
import { EntityRows } from '../database/index.js';
import type { EventData } from './event-data.js';

/** The table `stitch_events`. */
@Entity('stitch_events')
@Check(
  'stitch_events_time_check',
  `isfinite(created_at) AND created_at < '10000-01-01 00:00:00+00'`,
)
@Check('stitch_events_number_check', `id < 9007199254740992 AND "position" < 9007199254740992`)
@Unique('stitch_events_event_id_key', ['eventId'])
@Unique('stitch_events_position_key', ['position'])
@Index('stitch_events_due_at_idx', ['dueAt'], { where: 'due_at IS NOT NULL' })
@Index('stitch_events_unplaced_idx', ['id'], { where: 'position IS NULL' })
@Index('stitch_events_created_at_idx', ['createdAt'])
@Index('stitch_events_unvouched_idx', ['createdAt'], {
  where: `mac IS NULL AND data->>'reason' IS DISTINCT FROM 'imported'`,
})
export class EventEntity {
  @PrimaryColumn({
    type: 'bigint',
    generated: 'identity',
    generatedIdentity: 'ALWAYS',
    primaryKeyConstraintName: 'stitch_events_pkey',
  })
  readonly id!: string;

  /** What the event is known by outside. */
  @Column({ name: 'event_id', type: 'uuid' })
  readonly eventId!: string;

  /** The place in the log; null until a reader has come by. */
  @Column({ type: 'bigint', nullable: true })
  readonly position!: string | null;

  @Column({ type: 'text' })
  readonly type!: EventType;

  @Column({ type: 'text' })
  readonly provider!: string;

  @Column({ name: 'user_id', type: 'text' })
  readonly userId!: string;

  @Column({ type: 'text' })
  readonly connection!: string;

  @Column({ type: 'jsonb' })
  readonly data!: EventData;

  @CreateDateColumn({ name: 'created_at', type: 'timestamptz' })
  readonly createdAt!: Date;

  /** Null: not to be sent, or not any more. */
  @Column({ name: 'due_at', type: 'timestamptz', nullable: true, default: () => 'now()' })
  readonly dueAt!: Date | null;

  @Column({ type: 'integer', default: 0 })
  readonly attempts!: number;

  @Column({ name: 'last_error', type: 'text', nullable: true })
  readonly lastError!: string | null;

  /** What vouches for it; empty: it was refused. */
  @Column({ type: 'bytea', nullable: true })
  readonly mac!: Buffer | null;

  @Column({ name: 'delivered_at', type: 'timestamptz', nullable: true })
  readonly deliveredAt!: Date | null;
}

/** Reads rows of `stitch_events`. */
export const EVENT_ROWS = new EntityRows<EventEntity>(EventEntity);
