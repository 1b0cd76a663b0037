import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Whose consent a token that is to be revoked belongs to: some providers end all of a user's grants
 * with one of them. The index finds the others.
 */
export class RevokedConsents1764192000000 implements MigrationInterface {
  name = 'RevokedConsents1764192000000';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('ALTER TABLE stitch_revocations ADD COLUMN subject text');
    await queryRunner.query(`
      CREATE INDEX stitch_grants_subject_idx ON stitch_grants (provider, subject)
        WHERE subject IS NOT NULL`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DROP INDEX stitch_grants_subject_idx');
    await queryRunner.query('ALTER TABLE stitch_revocations DROP COLUMN subject');
  }
}
