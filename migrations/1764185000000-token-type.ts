import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Every token is a bearer token, and nobody reads `token_type`. The column goes with a later version:
 * replicas of the version before this one still write it.
 */
export class TokenType1764185000000 implements MigrationInterface {
  name = 'TokenType1764185000000';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(
      `ALTER TABLE stitch_grants ALTER COLUMN token_type SET DEFAULT 'Bearer'`,
    );
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('ALTER TABLE stitch_grants ALTER COLUMN token_type DROP DEFAULT');
  }
}
