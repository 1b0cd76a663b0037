import {
  Column,
  CreateDateColumn,
  Entity,
  Index,
  JoinColumn,
  ManyToOne,
  PrimaryColumn,
} from 'typeorm';
import { AuthorizationRequest } from './authorization-request.entity.js';

/** A browser that began a request on the start page. */
@Entity('stitch_authorization_browsers')
@Index('stitch_authorization_browsers_request_id_idx', ['requestId', 'startedAt'])
export class AuthorizationBrowser {
  /** SHA-256 of its cookie. */
  @PrimaryColumn({
    name: 'browser_hash',
    type: 'bytea',
    primaryKeyConstraintName: 'stitch_authorization_browsers_pkey',
  })
  browserHash!: Buffer;

  @Column({ name: 'request_id', type: 'uuid' })
  requestId!: string;

  @ManyToOne(() => AuthorizationRequest, { onDelete: 'CASCADE' })
  @JoinColumn({
    name: 'request_id',
    foreignKeyConstraintName: 'stitch_authorization_browsers_request_id_fkey',
  })
  request!: AuthorizationRequest;

  @CreateDateColumn({ name: 'started_at', type: 'timestamptz' })
  startedAt!: Date;

  /** Whether it was the first one. */
  @Column({ type: 'boolean', default: false })
  first!: boolean;
}
