import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * How many grants of a provider may have had their tokens spent for nothing since it last answered in
 * order, whichever replica presented them, since when it is asked with caution, and when a well grant
 * was presented last to find out.
 */
export class Caution1764199000000 implements MigrationInterface {
  name = 'Caution1764199000000';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      ALTER TABLE stitch_provider_fuses ADD COLUMN spent integer NOT NULL DEFAULT 0,
        ADD COLUMN spent_at timestamptz, ADD COLUMN cautious_since timestamptz,
        ADD COLUMN asked_at timestamptz`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      ALTER TABLE stitch_provider_fuses DROP COLUMN spent, DROP COLUMN spent_at,
        DROP COLUMN cautious_since, DROP COLUMN asked_at`);
  }
}
