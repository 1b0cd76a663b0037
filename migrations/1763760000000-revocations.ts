import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The outbox of refresh tokens that nobody owns any more and that the provider must forget. */
export class Revocations1763760000000 implements MigrationInterface {
  name = 'Revocations1763760000000';

  async up(queryRunner: QueryRunner): Promise<void> {
    // Sealed tokens keep the names they are bound to, or they could not be opened again.
    await queryRunner.query(`
      CREATE TABLE stitch_revocations (
        id bigint GENERATED ALWAYS AS IDENTITY,
        provider text NOT NULL,
        user_id text NOT NULL,
        connection text NOT NULL,
        refresh_token bytea NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        due_at timestamptz NOT NULL DEFAULT now(),
        attempts integer NOT NULL DEFAULT 0,
        last_error text,
        CONSTRAINT stitch_revocations_pkey PRIMARY KEY (id)
      )`);
    await queryRunner.query(
      'CREATE INDEX stitch_revocations_due_at_idx ON stitch_revocations (due_at)',
    );
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DROP TABLE stitch_revocations');
  }
}
