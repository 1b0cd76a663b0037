import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Notifications on a channel that only those know who may read a table: whoever may log in to a
 * database may notify on any channel, and what is notified wakes every replica.
 */
export class NotificationChannel1764158400000 implements MigrationInterface {
  name = 'NotificationChannel1764158400000';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      CREATE TABLE stitch_channel (
        name text NOT NULL,
        CONSTRAINT stitch_channel_pkey PRIMARY KEY (name)
      )`);
    // 122 random bits.
    await queryRunner.query(`
      INSERT INTO stitch_channel (name)
      VALUES ('stitch_vault_' || replace(gen_random_uuid()::text, '-', ''))`);
    // The name is not in the function: everybody may read functions. On the old channel replicas of
    // the version before listen, while they are replaced.
    await queryRunner.query(`
      CREATE FUNCTION stitch_notify(payload text) RETURNS void LANGUAGE plpgsql AS $$
      BEGIN
        PERFORM pg_notify(name, payload) FROM stitch_channel;
        PERFORM pg_notify('stitch_vault', payload);
      END $$`);
    await queryRunner.query(grantsNotify('stitch_notify('));
    await queryRunner.query(clientsNotify('stitch_notify('));
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(grantsNotify(`pg_notify('stitch_vault', `));
    await queryRunner.query(clientsNotify(`pg_notify('stitch_vault', `));
    await queryRunner.query('DROP FUNCTION stitch_notify(text)');
    await queryRunner.query('DROP TABLE stitch_channel');
  }
}

const grantsNotify = (call: string) => `
      CREATE OR REPLACE FUNCTION stitch_grants_notify() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        PERFORM ${call}json_build_array(
          'grant', OLD.provider, OLD.user_id, OLD.connection)::text);
        RETURN NULL;
      END $$`;

const clientsNotify = (call: string) => `
      CREATE OR REPLACE FUNCTION service_clients_notify() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        PERFORM ${call}'["client"]');
        RETURN NULL;
      END $$`;
