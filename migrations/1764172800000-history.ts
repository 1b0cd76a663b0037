import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What it takes to notice that a database has gone back in time, or is a copy: a counter that all
 * replicas advance, what each of them has written last, and which server and database this was.
 */
export class History1764172800000 implements MigrationInterface {
  name = 'History1764172800000';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      CREATE TABLE stitch_history (
        single boolean NOT NULL DEFAULT true,
        counter bigint NOT NULL DEFAULT 0,
        advanced_at timestamptz NOT NULL DEFAULT now(),
        -- Server and database that the vault worked in last.
        origin text,
        -- Since when no refresh token is presented until an operator says so, and why.
        paused_at timestamptz,
        paused_reason text,
        -- What was obtained before this may have been replaced by something that is lost.
        incomplete_before timestamptz,
        CONSTRAINT stitch_history_pkey PRIMARY KEY (single),
        CONSTRAINT stitch_history_single_check CHECK (single)
      )`);
    await queryRunner.query('INSERT INTO stitch_history DEFAULT VALUES');
    await queryRunner.query(`
      CREATE TABLE stitch_replicas (
        process uuid NOT NULL,
        beat bigint NOT NULL,
        beat_at timestamptz NOT NULL,
        -- The history that the process has last compared with what it remembers, and how far it is.
        incarnation text NOT NULL,
        stage smallint NOT NULL,
        -- When the oldest answer was asked for that the process may still have to write.
        held_since timestamptz,
        CONSTRAINT stitch_replicas_pkey PRIMARY KEY (process)
      ) WITH (fillfactor = 50)`);
    // Each part tells one thing: a promotion; a restart; another database; a restore in place.
    await queryRunner.query(`
      CREATE FUNCTION stitch_incarnation() RETURNS text LANGUAGE plpgsql STABLE AS $$
      DECLARE timeline text;
      BEGIN
        BEGIN
          timeline := CASE WHEN pg_is_in_recovery() THEN 'standby'
            ELSE substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) END;
        -- Not every operator's server tells: then the other parts and the counters have to do.
        EXCEPTION WHEN OTHERS THEN timeline := 'unknown';
        END;
        RETURN concat_ws('/', timeline,
          extract(epoch FROM pg_postmaster_start_time())::text,
          (SELECT oid FROM pg_database WHERE datname = current_database())::text,
          'stitch_grants'::regclass::oid::text,
          pg_relation_filenode('stitch_grants'::regclass)::text);
      END $$`);
    await queryRunner.query(`
      CREATE FUNCTION stitch_origin() RETURNS text LANGUAGE plpgsql STABLE AS $$
      DECLARE server text;
      BEGIN
        BEGIN
          SELECT system_identifier::text INTO server FROM pg_control_system();
        EXCEPTION WHEN OTHERS THEN server := 'unknown';
        END;
        RETURN server || '/' ||
          (SELECT oid FROM pg_database WHERE datname = current_database())::text;
      END $$`);
    // What every replica has to remember of a change that another one, or a command, has made.
    await queryRunner.query(
      grantsNotify(`,
          CASE WHEN TG_OP = 'DELETE' THEN 'deleted'
            WHEN OLD.grant_id <> NEW.grant_id THEN 'replaced'
            WHEN OLD.status = 'awaiting_confirmation' AND NEW.status = 'active' THEN 'confirmed'
            ELSE 'changed' END,
          OLD.grant_id`),
    );
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(grantsNotify(''));
    await queryRunner.query('DROP FUNCTION stitch_origin()');
    await queryRunner.query('DROP FUNCTION stitch_incarnation()');
    await queryRunner.query('DROP TABLE stitch_replicas');
    await queryRunner.query('DROP TABLE stitch_history');
  }
}

const grantsNotify = (more: string) => `
      CREATE OR REPLACE FUNCTION stitch_grants_notify() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        PERFORM stitch_notify(json_build_array(
          'grant', OLD.provider, OLD.user_id, OLD.connection${more})::text);
        RETURN NULL;
      END $$`;
