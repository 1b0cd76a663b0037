import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Tokens of the client itself, one for each provider, client id and set of scopes. A row is there
 * as soon as somebody asks: its lease says who calls the provider, so that nobody else does.
 */
export class ClientTokens1764183600000 implements MigrationInterface {
  name = 'ClientTokens1764183600000';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      CREATE TABLE client_tokens (
        provider text NOT NULL,
        client_id text NOT NULL,
        scope text NOT NULL,
        access_token bytea,
        granted_scope text,
        obtained_at timestamptz,
        expires_at timestamptz,
        refresh_due_at timestamptz,
        version bigint NOT NULL DEFAULT 0,
        last_read_at timestamptz NOT NULL DEFAULT now(),
        lease_owner text,
        lease_expires_at timestamptz,
        failure_count integer NOT NULL DEFAULT 0,
        last_error text,
        refusal text,
        retry_at timestamptz,
        CONSTRAINT client_tokens_pkey PRIMARY KEY (provider, client_id, scope)
      )`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DROP TABLE client_tokens');
  }
}
