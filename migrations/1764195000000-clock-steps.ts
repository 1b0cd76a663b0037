import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Steps of the database's clock, for processes that begin after one: a time that was shown twice is
 * no proof of a token's age. Each step, and each loss that is more than is remembered, is an event.
 */
export class ClockSteps1764195000000 implements MigrationInterface {
  name = 'ClockSteps1764195000000';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      CREATE TABLE stitch_clock_steps (
        id bigint GENERATED ALWAYS AS IDENTITY,
        -- By the clock as it was after the step.
        seen_at timestamptz NOT NULL,
        by_ms bigint NOT NULL,
        -- Who has noticed it first.
        process uuid NOT NULL,
        CONSTRAINT stitch_clock_steps_pkey PRIMARY KEY (id)
      )`);
    await queryRunner.query(`
      CREATE FUNCTION stitch_clock_event() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        INSERT INTO stitch_events (event_id, type, provider, user_id, connection, data)
        VALUES (gen_random_uuid(), 'database.clock_stepped', '', '', '',
          jsonb_build_object('seconds', round(NEW.by_ms / 1000.0)));
        RETURN NULL;
      END $$`);
    await queryRunner.query(`
      CREATE TRIGGER stitch_clock_steps_event AFTER INSERT ON stitch_clock_steps
        FOR EACH ROW EXECUTE FUNCTION stitch_clock_event()`);
    await queryRunner.query(`
      CREATE FUNCTION stitch_history_event() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        INSERT INTO stitch_events (event_id, type, provider, user_id, connection, data)
        VALUES (gen_random_uuid(), 'database.history_lost', '', '', '',
          jsonb_build_object('reason', coalesce(NEW.paused_reason, 'replicas_missing')));
        RETURN NULL;
      END $$`);
    // An operator's adopting sets the time as well, and ends the pause: that is no loss.
    await queryRunner.query(`
      CREATE TRIGGER stitch_history_event_lost AFTER UPDATE OF incomplete_before ON stitch_history
        FOR EACH ROW WHEN (NEW.incomplete_before IS DISTINCT FROM OLD.incomplete_before
          AND NEW.origin IS NOT DISTINCT FROM OLD.origin
          AND (OLD.paused_at IS NULL OR NEW.paused_at IS NOT NULL))
        EXECUTE FUNCTION stitch_history_event()`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DROP TRIGGER stitch_history_event_lost ON stitch_history');
    await queryRunner.query('DROP FUNCTION stitch_history_event()');
    await queryRunner.query('DROP TABLE stitch_clock_steps');
    await queryRunner.query('DROP FUNCTION stitch_clock_event()');
  }
}
