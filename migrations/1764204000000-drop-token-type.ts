import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Every token is a bearer token, and nobody has read or written `token_type` since the migration that
 * gave it a default (1764185000000): versions of before that one are the only ones that this stops.
 */
export class DropTokenType1764204000000 implements MigrationInterface {
  name = 'DropTokenType1764204000000';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('ALTER TABLE stitch_grants DROP COLUMN token_type');
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(
      `ALTER TABLE stitch_grants ADD COLUMN token_type text NOT NULL DEFAULT 'Bearer'`,
    );
  }
}
