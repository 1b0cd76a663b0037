import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What ties a request to the browser that started it, and what its sign-up form is filled with. */
export class BrowserBinding1763763600000 implements MigrationInterface {
  name = 'BrowserBinding1763763600000';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      ALTER TABLE stitch_authorization_requests
        ADD COLUMN browser_hash bytea,
        ADD COLUMN started_at timestamptz,
        ADD COLUMN prefill bytea`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      ALTER TABLE stitch_authorization_requests
        DROP COLUMN browser_hash, DROP COLUMN started_at, DROP COLUMN prefill`);
  }
}
