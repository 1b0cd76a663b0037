import { CreateDateColumn, Entity, PrimaryColumn } from 'typeorm';

/**
 * The table `stitch_ended_consents`: consents whose grant was deleted or replaced. Written by a
 * trigger of `stitch_grants`.
 */
@Entity('stitch_ended_consents')
export class EndedConsent {
  @PrimaryColumn({
    name: 'grant_id',
    type: 'uuid',
    primaryKeyConstraintName: 'stitch_ended_consents_pkey',
  })
  readonly grantId!: string;

  @CreateDateColumn({ name: 'ended_at', type: 'timestamptz' })
  readonly endedAt!: Date;
}

/** SQL: whether the consent of the grant `g` is over, so that the row was put back by somebody. */
export const CONSENT_ENDED = `EXISTS (SELECT FROM stitch_ended_consents e
  WHERE e.grant_id = g.grant_id) AS "consentEnded"`;
