import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Every browser that began a request may finish it, and the browser that finished it may come back:
 * whose visits they are, which answer of the provider was taken, and how the page looked. And
 * whether what was linked can be refreshed.
 */
export class Visits1764180000000 implements MigrationInterface {
  name = 'Visits1764180000000';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      ALTER TABLE stitch_authorization_requests
        ADD COLUMN answer_hash bytea,
        ADD COLUMN visitor_hashes bytea[] NOT NULL DEFAULT '{}',
        ADD COLUMN http_status smallint,
        ADD COLUMN refreshable boolean`);
    await queryRunner.query(`
      CREATE UNIQUE INDEX stitch_authorization_requests_answer_hash_idx
        ON stitch_authorization_requests (answer_hash) WHERE answer_hash IS NOT NULL`);
    await queryRunner.query(`
      CREATE INDEX stitch_authorization_requests_user_id_idx
        ON stitch_authorization_requests (user_id, created_at)`);
    // The column browser_hash stays for replicas of the version before: the latest browser.
    await queryRunner.query(`
      CREATE TABLE stitch_authorization_browsers (
        browser_hash bytea CONSTRAINT stitch_authorization_browsers_pkey PRIMARY KEY,
        request_id uuid NOT NULL
          CONSTRAINT stitch_authorization_browsers_request_id_fkey
          REFERENCES stitch_authorization_requests (id) ON DELETE CASCADE,
        started_at timestamptz NOT NULL DEFAULT now(),
        first boolean NOT NULL DEFAULT false
      )`);
    await queryRunner.query(`
      CREATE INDEX stitch_authorization_browsers_request_id_idx
        ON stitch_authorization_browsers (request_id, started_at)`);
    await queryRunner.query(`
      INSERT INTO stitch_authorization_browsers (browser_hash, request_id, started_at, first)
      SELECT browser_hash, id, coalesce(started_at, created_at), true FROM stitch_authorization_requests
      WHERE browser_hash IS NOT NULL`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DROP TABLE stitch_authorization_browsers');
    await queryRunner.query('DROP INDEX stitch_authorization_requests_user_id_idx');
    await queryRunner.query('DROP INDEX stitch_authorization_requests_answer_hash_idx');
    await queryRunner.query(`
      ALTER TABLE stitch_authorization_requests
        DROP COLUMN answer_hash, DROP COLUMN visitor_hashes, DROP COLUMN http_status,
        DROP COLUMN refreshable`);
  }
}
