import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * A vault whose role may not change callers still has to end those again that were ended, after a
 * database has forgotten it. The function takes away, and never gives.
 */
export class ForgottenClients1764190000000 implements MigrationInterface {
  name = 'ForgottenClients1764190000000';

  async up(queryRunner: QueryRunner): Promise<void> {
    // Without a key the client is revoked; otherwise that key alone ends, at a time it may have.
    await queryRunner.query(`
      CREATE FUNCTION service_clients_end(client uuid, key bytea, until timestamptz)
      RETURNS boolean LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
        WITH ended AS (
          UPDATE public.service_clients SET
            revoked_at = CASE WHEN $2 IS NULL THEN now() END,
            previous_key_hash = CASE WHEN $2 IS NULL THEN previous_key_hash
              WHEN $3 > now() THEN $2 END,
            previous_key_expires_at = CASE WHEN $2 IS NULL THEN previous_key_expires_at
              WHEN $3 > now() THEN $3 END,
            key_hash = CASE WHEN $2 IS NULL THEN key_hash END
          WHERE client_id = $1 AND revoked_at IS NULL AND ($2 IS NULL OR key_hash = $2)
          RETURNING 1)
        SELECT EXISTS (SELECT FROM ended) $$`);
    await queryRunner.query(
      'REVOKE EXECUTE ON FUNCTION service_clients_end(uuid, bytea, timestamptz) FROM PUBLIC',
    );
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DROP FUNCTION service_clients_end(uuid, bytea, timestamptz)');
  }
}
