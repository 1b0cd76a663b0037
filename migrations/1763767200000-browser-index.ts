import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * A provider that returns no state is answered for by the browser's cookie alone: without an index
 * every such callback, which anybody may send, would read a day's worth of requests.
 */
export class BrowserIndex1763767200000 implements MigrationInterface {
  name = 'BrowserIndex1763767200000';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      CREATE INDEX stitch_authorization_requests_browser_hash_idx
        ON stitch_authorization_requests (browser_hash) WHERE browser_hash IS NOT NULL`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DROP INDEX stitch_authorization_requests_browser_hash_idx');
  }
}
