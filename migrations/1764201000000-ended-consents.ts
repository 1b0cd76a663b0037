import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Consents that are over: their grant was deleted, or another took its name. A row of such a consent
 * that comes back was put back by somebody, and is served to nobody.
 */
export class EndedConsents1764201000000 implements MigrationInterface {
  name = 'EndedConsents1764201000000';

  async up(queryRunner: QueryRunner): Promise<void> {
    // The id and nothing that names a user: it is kept for good, also of users who were erased.
    await queryRunner.query(`
      CREATE TABLE stitch_ended_consents (
        grant_id uuid NOT NULL,
        ended_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT stitch_ended_consents_pkey PRIMARY KEY (grant_id)
      )`);
    // In a trigger, so that no code path, no replica of the version before, and no operator at a psql
    // prompt can forget it.
    await queryRunner.query(`
      CREATE FUNCTION stitch_grants_ended() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        INSERT INTO stitch_ended_consents (grant_id) VALUES (OLD.grant_id) ON CONFLICT DO NOTHING;
        RETURN NULL;
      END $$`);
    await queryRunner.query(`
      CREATE TRIGGER stitch_grants_consent_deleted AFTER DELETE ON stitch_grants
        FOR EACH ROW EXECUTE FUNCTION stitch_grants_ended()`);
    await queryRunner.query(`
      CREATE TRIGGER stitch_grants_consent_replaced AFTER UPDATE OF grant_id ON stitch_grants
        FOR EACH ROW WHEN (OLD.grant_id <> NEW.grant_id)
        EXECUTE FUNCTION stitch_grants_ended()`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DROP TRIGGER stitch_grants_consent_deleted ON stitch_grants');
    await queryRunner.query('DROP TRIGGER stitch_grants_consent_replaced ON stitch_grants');
    await queryRunner.query('DROP FUNCTION stitch_grants_ended()');
    await queryRunner.query('DROP TABLE stitch_ended_consents');
  }
}
