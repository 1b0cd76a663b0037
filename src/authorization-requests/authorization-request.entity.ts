import { Check, Column, CreateDateColumn, Entity, Index, PrimaryColumn, Unique } from 'typeorm';
import { EntityRows } from '../database/index.js';
import { SCOPES } from '../grants/index.js';
import type { StoredStatus } from './request-status.js';

/** The table `stitch_authorization_requests`, which seed document S3 recommends. */
@Entity('stitch_authorization_requests')
@Unique('stitch_authorization_requests_state_key', ['state'])
@Check(
  'stitch_authorization_requests_status_check',
  `status IN ('pending', 'completed', 'awaiting_confirmation', 'denied', 'failed')`,
)
@Index('stitch_authorization_requests_expires_at_idx', ['expiresAt'])
@Index('stitch_authorization_requests_browser_hash_idx', ['browserHash'], {
  where: 'browser_hash IS NOT NULL',
})
@Index('stitch_authorization_requests_answer_hash_idx', ['answerHash'], {
  unique: true,
  where: 'answer_hash IS NOT NULL',
})
@Index('stitch_authorization_requests_user_id_idx', ['userId', 'createdAt'])
@Index('stitch_authorization_requests_claimed_idx', ['provider', 'userId', 'connection'], {
  where: `status = 'pending' AND claimed_at IS NOT NULL`,
})
@Index('stitch_authorization_requests_unconfirmed_idx', ['completedAt'], {
  where: `status = 'awaiting_confirmation'`,
})
export class AuthorizationRequest {
  @PrimaryColumn({
    type: 'uuid',
    primaryKeyConstraintName: 'stitch_authorization_requests_pkey',
  })
  readonly id!: string;

  @Column({ name: 'stitch_state', type: 'text' })
  readonly state!: string;

  @Column({ name: 'user_id', type: 'text' })
  readonly userId!: string;

  @Column({ type: 'text' })
  readonly provider!: string;

  @Column({ type: 'text' })
  readonly connection!: string;

  /** Sealed. */
  @Column({ name: 'code_verifier', type: 'bytea' })
  readonly codeVerifier!: Buffer;

  @Column({ name: 'code_challenge', type: 'text' })
  readonly codeChallenge!: string;

  /** Sealed. */
  @Column({ type: 'bytea' })
  readonly nonce!: Buffer;

  @Column({ name: 'redirect_uri', type: 'text' })
  readonly redirectUri!: string;

  /** Those to ask for. */
  @Column({ name: 'scope', type: 'text', transformer: SCOPES })
  readonly scopes!: readonly string[];

  @Column({ name: 'return_to', type: 'text', nullable: true })
  readonly returnTo!: string | null;

  @Column({ type: 'boolean', default: false })
  readonly confirm!: boolean;

  @Column({ type: 'text', default: 'pending' })
  readonly status!: StoredStatus;

  @Column({ type: 'text', nullable: true })
  readonly error!: string | null;

  /** The client that made it; null: made by a version that did not note it. */
  @Column({ name: 'client_id', type: 'uuid', nullable: true })
  readonly clientId!: string | null;

  @CreateDateColumn({ name: 'created_at', type: 'timestamptz' })
  readonly createdAt!: Date;

  @Column({ name: 'expires_at', type: 'timestamptz' })
  readonly expiresAt!: Date;

  /** When the callback took it: from then on its code is spent. */
  @Column({ name: 'claimed_at', type: 'timestamptz', nullable: true })
  readonly claimedAt!: Date | null;

  /** The cookie, hashed, of the browser that started it last; null until one did. */
  @Column({ name: 'browser_hash', type: 'bytea', nullable: true })
  readonly browserHash!: Buffer | null;

  @Column({ name: 'started_at', type: 'timestamptz', nullable: true })
  readonly startedAt!: Date | null;

  /** Sealed details of the user for the provider's sign-up form. */
  @Column({ type: 'bytea', nullable: true })
  readonly prefill!: Buffer | null;

  /** Which answer of the provider the callback took: {@link answerHash}. */
  @Column({ name: 'answer_hash', type: 'bytea', nullable: true })
  readonly answerHash!: Buffer | null;

  /** SHA-256 of the cookies of those that may see again how it ended. */
  @Column({ name: 'visitor_hashes', type: 'bytea', array: true, default: [] })
  readonly visitorHashes!: Buffer[];

  /** The status of the page that showed its end, where `status` does not say it all. */
  @Column({ name: 'http_status', type: 'smallint', nullable: true })
  readonly httpStatus!: number | null;

  /** Whether what was linked came with a refresh token; null until it was. */
  @Column({ type: 'boolean', nullable: true })
  readonly refreshable!: boolean | null;

  @Column({ name: 'completed_at', type: 'timestamptz', nullable: true })
  readonly completedAt!: Date | null;
}

/** Reads and writes rows of `stitch_authorization_requests`. */
export const REQUEST_ROWS = new EntityRows<AuthorizationRequest>(AuthorizationRequest);
