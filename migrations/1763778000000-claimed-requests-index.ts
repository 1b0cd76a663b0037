import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * A deletion ends the links of its name whose users have come back already. Without an index it
 * would read a day's worth of requests; those are a minimumBatch of them.
 */
export class ClaimedRequestsIndex1763778000000 implements MigrationInterface {
  name = 'ClaimedRequestsIndex1763778000000';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      CREATE INDEX stitch_authorization_requests_claimed_idx
        ON stitch_authorization_requests (provider, user_id, connection)
        WHERE status = 'pending' AND claimed_at IS NOT NULL`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DROP INDEX stitch_authorization_requests_claimed_idx');
  }
}
