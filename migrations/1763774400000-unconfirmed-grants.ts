import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Consents that wait for their confirmation beside a grant that works meanwhile. */
export class UnconfirmedGrants1763774400000 implements MigrationInterface {
  name = 'UnconfirmedGrants1763774400000';

  async up(queryRunner: QueryRunner): Promise<void> {
    // One row per request, so that several consents for one name don't disturb each other. Sealed
    // tokens are bound to the names of the grant and to their columns in stitch_grants, which is
    // where a confirmation moves them as they are.
    await queryRunner.query(`
      CREATE TABLE stitch_unconfirmed_grants (
        grant_id uuid NOT NULL,
        provider text COLLATE "C" NOT NULL,
        user_id text COLLATE "C" NOT NULL,
        connection text COLLATE "C" NOT NULL,
        access_token bytea NOT NULL,
        refresh_token bytea,
        scope text NOT NULL,
        subject text,
        stitch_account_id bigint,
        obtained_at timestamptz NOT NULL,
        expires_at timestamptz,
        refresh_due_at timestamptz,
        CONSTRAINT stitch_unconfirmed_grants_pkey PRIMARY KEY (grant_id)
      )`);
    // A deletion goes by name; the purge by age, here, among the grants and among the requests.
    await queryRunner.query(`
      CREATE INDEX stitch_unconfirmed_grants_name_idx
        ON stitch_unconfirmed_grants (provider, user_id, connection)`);
    await queryRunner.query(`
      CREATE INDEX stitch_unconfirmed_grants_obtained_at_idx
        ON stitch_unconfirmed_grants (obtained_at)`);
    await queryRunner.query(`
      CREATE INDEX stitch_grants_unconfirmed_idx ON stitch_grants (obtained_at)
        WHERE status = 'awaiting_confirmation'`);
    await queryRunner.query(`
      CREATE INDEX stitch_authorization_requests_unconfirmed_idx
        ON stitch_authorization_requests (completed_at) WHERE status = 'awaiting_confirmation'`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    // What is not confirmed yet still has to be revoked, or it would live on unknown.
    await queryRunner.query(`
      INSERT INTO stitch_revocations (provider, user_id, connection, refresh_token)
      SELECT provider, user_id, connection, refresh_token FROM stitch_unconfirmed_grants
      WHERE refresh_token IS NOT NULL`);
    await queryRunner.query('DROP TABLE stitch_unconfirmed_grants');
    await queryRunner.query(
      'DROP INDEX stitch_grants_unconfirmed_idx, stitch_authorization_requests_unconfirmed_idx',
    );
  }
}
