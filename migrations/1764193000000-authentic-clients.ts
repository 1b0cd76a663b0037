import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What vouches for a client's row, and how often the row was changed. Rows of before have no MAC:
 * they are vouched for when the vault makes its first key, and never after that.
 */
export class AuthenticClients1764193000000 implements MigrationInterface {
  name = 'AuthenticClients1764193000000';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      ALTER TABLE service_clients
        ADD COLUMN revision bigint NOT NULL DEFAULT 1,
        ADD COLUMN mac bytea`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('ALTER TABLE service_clients DROP COLUMN mac, DROP COLUMN revision');
  }
}
