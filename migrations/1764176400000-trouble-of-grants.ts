import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What is known of a grant in trouble: since when it alone is refused, the answer that could not be
 * understood, when it was given up. And of each provider, how many grants were given up since it
 * last answered in order.
 */
export class TroubleOfGrants1764176400000 implements MigrationInterface {
  name = 'TroubleOfGrants1764176400000';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      ALTER TABLE stitch_grants ADD COLUMN refused_since timestamptz,
        ADD COLUMN held_at timestamptz, ADD COLUMN held_answer bytea,
        ADD COLUMN retired_at timestamptz`);
    await queryRunner.query(
      `UPDATE stitch_grants SET retired_at = now() WHERE status = 'reauthorization_required'`,
    );
    await queryRunner.query(`
      CREATE INDEX stitch_grants_retired_idx ON stitch_grants (retired_at)
        WHERE retired_at IS NOT NULL AND refresh_token IS NOT NULL`);
    await queryRunner.query(
      'CREATE INDEX stitch_grants_held_idx ON stitch_grants (held_at) WHERE held_at IS NOT NULL',
    );
    // Shared by all replicas: what may be given up is counted for the system, not for a process.
    await queryRunner.query(`
      CREATE TABLE stitch_provider_fuses (
        provider text NOT NULL,
        given_up integer NOT NULL DEFAULT 0,
        tripped_at timestamptz,
        CONSTRAINT stitch_provider_fuses_pkey PRIMARY KEY (provider)
      )`);

    // In a trigger, because many statements change a grant, and none of them may put a held grant on
    // the schedule, nor leave the trouble of an earlier token beside a new one.
    await queryRunner.query(`
      CREATE FUNCTION stitch_grants_trouble() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        IF NEW.version <> OLD.version THEN
          NEW.held_at := NULL;
          NEW.held_answer := NULL;
          NEW.refused_since := NULL;
          NEW.retired_at := NULL;
        ELSIF NEW.held_at IS NOT NULL THEN
          NEW.refresh_due_at := NULL;
        END IF;
        RETURN NEW;
      END $$`);
    await queryRunner.query(`
      CREATE TRIGGER stitch_grants_trouble_settled BEFORE UPDATE ON stitch_grants
        FOR EACH ROW WHEN (OLD.held_at IS NOT NULL OR NEW.held_at IS NOT NULL
          OR OLD.refused_since IS NOT NULL OR OLD.retired_at IS NOT NULL)
        EXECUTE FUNCTION stitch_grants_trouble()`);

    await queryRunner.query(`
      CREATE FUNCTION stitch_grants_held_event() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        INSERT INTO stitch_events (event_id, type, provider, user_id, connection, data)
        VALUES (gen_random_uuid(),
          CASE WHEN NEW.held_at IS NULL THEN 'grant.reinstated' ELSE 'grant.held' END,
          NEW.provider, NEW.user_id, NEW.connection,
          jsonb_strip_nulls(jsonb_build_object(
            'provider', NEW.provider, 'user_id', NEW.user_id, 'connection', NEW.connection,
            'scopes', to_jsonb(string_to_array(nullif(NEW.scope, ''), ' ')))));
        RETURN NULL;
      END $$`);
    await queryRunner.query(`
      CREATE TRIGGER stitch_grants_event_held AFTER UPDATE ON stitch_grants
        FOR EACH ROW WHEN ((OLD.held_at IS NULL) <> (NEW.held_at IS NULL)
          AND OLD.grant_id = NEW.grant_id)
        EXECUTE FUNCTION stitch_grants_held_event()`);

    await queryRunner.query(`
      CREATE FUNCTION stitch_provider_event() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        INSERT INTO stitch_events (event_id, type, provider, user_id, connection, data)
        VALUES (gen_random_uuid(),
          CASE WHEN NEW.tripped_at IS NULL THEN 'provider.trusted' ELSE 'provider.suspected' END,
          NEW.provider, '', '', jsonb_build_object('provider', NEW.provider));
        RETURN NULL;
      END $$`);
    await queryRunner.query(`
      CREATE TRIGGER stitch_provider_fuses_event AFTER UPDATE OF tripped_at ON stitch_provider_fuses
        FOR EACH ROW WHEN ((OLD.tripped_at IS NULL) <> (NEW.tripped_at IS NULL))
        EXECUTE FUNCTION stitch_provider_event()`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DROP TABLE stitch_provider_fuses');
    await queryRunner.query('DROP FUNCTION stitch_provider_event()');
    await queryRunner.query('DROP TRIGGER stitch_grants_event_held ON stitch_grants');
    await queryRunner.query('DROP FUNCTION stitch_grants_held_event()');
    await queryRunner.query('DROP TRIGGER stitch_grants_trouble_settled ON stitch_grants');
    await queryRunner.query('DROP FUNCTION stitch_grants_trouble()');
    await queryRunner.query('DROP INDEX stitch_grants_held_idx');
    await queryRunner.query('DROP INDEX stitch_grants_retired_idx');
    await queryRunner.query(`
      ALTER TABLE stitch_grants DROP COLUMN refused_since, DROP COLUMN held_at,
        DROP COLUMN held_answer, DROP COLUMN retired_at`);
  }
}
