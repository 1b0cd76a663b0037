import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What vouches for an event, so that nothing is sent that somebody made up or changed by SQL. An
 * empty value says that the event was refused.
 */
export class AuthenticEvents1764202000000 implements MigrationInterface {
  name = 'AuthenticEvents1764202000000';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('ALTER TABLE stitch_events ADD COLUMN mac bytea');
    // What an import brought is not sent.
    await queryRunner.query(`
      CREATE INDEX stitch_events_unvouched_idx ON stitch_events (created_at)
        WHERE mac IS NULL AND data->>'reason' IS DISTINCT FROM 'imported'`);
    await queryRunner.query(`
      CREATE FUNCTION stitch_events_guard() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        IF pg_trigger_depth() < 2 THEN
          RAISE EXCEPTION 'events are written by triggers alone'
            USING ERRCODE = 'insufficient_privilege';
        END IF;
        RETURN NEW;
      END $$`);
    await queryRunner.query(`
      CREATE TRIGGER stitch_events_guard BEFORE INSERT ON stitch_events
        FOR EACH ROW EXECUTE FUNCTION stitch_events_guard()`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DROP TRIGGER stitch_events_guard ON stitch_events');
    await queryRunner.query('DROP FUNCTION stitch_events_guard()');
    await queryRunner.query('DROP INDEX stitch_events_unvouched_idx');
    await queryRunner.query('ALTER TABLE stitch_events DROP COLUMN mac');
  }
}
