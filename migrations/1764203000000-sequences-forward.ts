import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Moves sequences forward that are behind their columns. Logical replication does not carry sequences,
 * and a dump of the data alone sets none: the next row that draws a number would collide, and with it
 * the consent or the rotation in whose transaction it is written. With the owner's rights, because
 * setting a sequence takes more than the vault's role may do; nothing is ever moved back.
 */
export class SequencesForward1764203000000 implements MigrationInterface {
  name = 'SequencesForward1764203000000';

  async up(queryRunner: QueryRunner): Promise<void> {
    // A table that somebody has locked is looked at the next time: nobody waits for it here.
    await queryRunner.query(`
      CREATE FUNCTION sequences_forward() RETURNS text[] LANGUAGE plpgsql SECURITY DEFINER
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
            EXECUTE format('SELECT max(%I) FROM %s', one.field, one.relation) INTO used;
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
      END $$`);
    await queryRunner.query('REVOKE EXECUTE ON FUNCTION sequences_forward() FROM PUBLIC');
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DROP FUNCTION sequences_forward()');
  }
}
