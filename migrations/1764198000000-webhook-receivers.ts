import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Further receivers of events, each with its own place in the log and its own deliveries, so that
 * one that takes nothing holds up no other.
 */
export class WebhookReceivers1764198000000 implements MigrationInterface {
  name = 'WebhookReceivers1764198000000';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(
      `CREATE TABLE stitch_webhook_receivers (
         name text NOT NULL,
         position bigint NOT NULL,
         CONSTRAINT stitch_webhook_receivers_pkey PRIMARY KEY (name)
       )`,
    );
    // Only what is still to be sent has a row. It goes with its event at the latest.
    await queryRunner.query(
      `CREATE TABLE stitch_webhook_deliveries (
         event bigint NOT NULL,
         receiver text NOT NULL,
         due_at timestamptz NOT NULL DEFAULT now(),
         attempts integer NOT NULL DEFAULT 0,
         last_error text,
         CONSTRAINT stitch_webhook_deliveries_pkey PRIMARY KEY (event, receiver),
         CONSTRAINT stitch_webhook_deliveries_event_fkey FOREIGN KEY (event)
           REFERENCES stitch_events (id) ON DELETE CASCADE
       )`,
    );
    await queryRunner.query(
      'CREATE INDEX stitch_webhook_deliveries_due_idx ON stitch_webhook_deliveries (receiver, due_at)',
    );
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DROP TABLE stitch_webhook_deliveries');
    await queryRunner.query('DROP TABLE stitch_webhook_receivers');
  }
}
