import { Column, CreateDateColumn, Entity, Index, PrimaryColumn, Unique } from 'typeorm';
import type { EventData } from './event.js';

/** The table `stitch_events`. Described here for TypeORM; used by the store's SQL. */
@Entity('stitch_events')
@Unique('stitch_events_event_id_key', ['eventId'])
@Unique('stitch_events_position_key', ['position'])
@Index('stitch_events_due_at_idx', ['dueAt'], { where: 'due_at IS NOT NULL' })
@Index('stitch_events_unplaced_idx', ['id'], { where: 'position IS NULL' })
@Index('stitch_events_created_at_idx', ['createdAt'])
export class EventEntity {
  @PrimaryColumn({
    type: 'bigint',
    generated: 'identity',
    generatedIdentity: 'ALWAYS',
    primaryKeyConstraintName: 'stitch_events_pkey',
  })
  id!: string;

  /** What the event is known by outside. */
  @Column({ name: 'event_id', type: 'uuid' })
  eventId!: string;

  /** The place in the log; null until a reader has come by. */
  @Column({ type: 'bigint', nullable: true })
  position!: string | null;

  @Column({ type: 'text' })
  type!: string;

  @Column({ type: 'text' })
  provider!: string;

  @Column({ name: 'user_id', type: 'text' })
  userId!: string;

  @Column({ type: 'text' })
  connection!: string;

  @Column({ type: 'jsonb' })
  data!: EventData;

  @CreateDateColumn({ name: 'created_at', type: 'timestamptz' })
  createdAt!: Date;

  /** Null: not to be sent, or not any more. */
  @Column({ name: 'due_at', type: 'timestamptz', nullable: true, default: () => 'now()' })
  dueAt!: Date | null;

  @Column({ type: 'integer', default: 0 })
  attempts!: number;

  @Column({ name: 'last_error', type: 'text', nullable: true })
  lastError!: string | null;

  @Column({ name: 'delivered_at', type: 'timestamptz', nullable: true })
  deliveredAt!: Date | null;
}
