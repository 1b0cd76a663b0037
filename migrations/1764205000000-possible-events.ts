import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Numbers that the vault, and whoever reads its JSON, can count with: 2^53. */
const COUNTABLE = '9007199254740992';
const POSSIBLE_TIME = `isfinite(created_at) AND created_at < '10000-01-01 00:00:00+00'`;

/**
 * Keeps out of the events what only SQL by hand can bring: a time without end, which no date can show, so
 * that nothing was vouched for, sent or listed any more; and a number so large that receivers had read
 * beyond all that would ever come, and the sequence was moved to where no more numbers are.
 */
export class PossibleEvents1764205000000 implements MigrationInterface {
  name = 'PossibleEvents1764205000000';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(
      `UPDATE stitch_events SET created_at = now() WHERE NOT (${POSSIBLE_TIME})`,
    );
    // What is there need not be read for it: the table may be long, and is locked meanwhile.
    await queryRunner.query(`
      ALTER TABLE stitch_events
        ADD CONSTRAINT stitch_events_time_check CHECK (${POSSIBLE_TIME}) NOT VALID,
        ADD CONSTRAINT stitch_events_number_check
          CHECK (id < ${COUNTABLE} AND "position" < ${COUNTABLE}) NOT VALID`);
    await queryRunner.query(forward(`WHERE %1$I < ${COUNTABLE}`));
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(forward(''));
    await queryRunner.query(`
      ALTER TABLE stitch_events
        DROP CONSTRAINT stitch_events_number_check, DROP CONSTRAINT stitch_events_time_check`);
  }
}

/** As the migration before made it, but for the numbers that it looks at. */
const forward = (which: string) => `
      CREATE OR REPLACE FUNCTION sequences_forward() RETURNS text[] LANGUAGE plpgsql SECURITY DEFINER
        SET search_path TO 'pg_catalog', 'public', 'pg_temp' SET lock_timeout TO '50ms' AS $$
      DECLARE
        one record;
        used bigint;
        behind boolean;
        moved text[] := '{}';
      BEGIN
        FOR one IN
          SELECT s.relname AS name, s.oid::regclass AS sequence, c.oid::regclass AS relation, a.attname AS field
          FROM pg_depend d
            JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S'
            JOIN pg_class c ON c.oid = d.refobjid AND c.relnamespace = 'public'::regnamespace
            JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.refobjsubid
          WHERE d.classid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')
            AND c.relowner = (SELECT oid FROM pg_roles WHERE rolname = current_user)
          ORDER BY 1
        LOOP
          BEGIN
            EXECUTE format('SELECT max(%1$I) FROM %2$s ${which}', one.field, one.relation) INTO used;
            EXECUTE format('SELECT last_value < $1 OR (last_value = $1 AND NOT is_called) FROM %s', one.sequence)
              INTO behind USING used;
            IF behind THEN
              PERFORM setval(one.sequence, used);
              moved := moved || one.name::text;
            END IF;
          EXCEPTION WHEN lock_not_available THEN NULL;
          END;
        END LOOP;
        RETURN moved;
      END $$`;
