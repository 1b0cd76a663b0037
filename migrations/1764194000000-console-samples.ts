import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What the console draws: one row for each process and minute, for the last hours. The rows are
 * written by the replicas themselves, so that the history is one for all and survives restarts.
 */
export class ConsoleSamples1764194000000 implements MigrationInterface {
  name = 'ConsoleSamples1764194000000';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(
      `CREATE TABLE console_samples (
         minute timestamptz NOT NULL,
         process uuid NOT NULL,
         sample jsonb NOT NULL,
         PRIMARY KEY (minute, process)
       ) WITH (fillfactor = 50)`,
    );
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DROP TABLE console_samples');
  }
}
