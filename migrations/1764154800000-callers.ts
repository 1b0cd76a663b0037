import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What a client may touch, for how long, and by what else than a key it may prove who it is; two
 * scopes taken out of `tokens:read`; and whose a request is.
 */
export class Callers1764154800000 implements MigrationInterface {
  name = 'Callers1764154800000';

  async up(queryRunner: QueryRunner): Promise<void> {
    // The id tells a client from an earlier one of the same name: names of revoked clients are
    // given again, what the earlier one began is not.
    await queryRunner.query(`
      ALTER TABLE service_clients
        ADD COLUMN client_id uuid NOT NULL DEFAULT gen_random_uuid(),
        ADD COLUMN providers text[],
        ADD COLUMN user_prefixes text[],
        ADD COLUMN subject text,
        ADD COLUMN certificate text,
        ADD COLUMN expires_at timestamptz,
        ADD COLUMN previous_key_hash bytea,
        ADD COLUMN previous_key_expires_at timestamptz,
        ALTER COLUMN key_hash DROP NOT NULL,
        ADD CONSTRAINT service_clients_client_id_key UNIQUE (client_id)`);
    await queryRunner.query(`
      UPDATE service_clients SET scopes = scopes || ARRAY['tokens:reject', 'sessions:write']
      WHERE 'tokens:read' = ANY(scopes)`);
    await queryRunner.query('DROP TRIGGER service_clients_changed ON service_clients');
    await queryRunner.query(`
      CREATE TRIGGER service_clients_changed
        AFTER INSERT OR DELETE OR UPDATE OF key_hash, previous_key_hash, previous_key_expires_at,
          scopes, providers, user_prefixes, subject, certificate, expires_at, revoked_at
        ON service_clients FOR EACH ROW EXECUTE FUNCTION service_clients_notify()`);
    // Null for requests that a replica of the version before makes: whoever may confirm there,
    // may confirm here.
    await queryRunner.query('ALTER TABLE stitch_authorization_requests ADD COLUMN client_id uuid');
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('ALTER TABLE stitch_authorization_requests DROP COLUMN client_id');
    // The version before knows no restriction, and keys only: what it would let do more than it
    // may, and what it has no column for, is revoked.
    await queryRunner.query(`
      UPDATE service_clients SET revoked_at = now()
      WHERE revoked_at IS NULL AND (key_hash IS NULL OR providers IS NOT NULL
        OR user_prefixes IS NOT NULL OR expires_at IS NOT NULL)`);
    await queryRunner.query('DELETE FROM service_clients WHERE key_hash IS NULL');
    await queryRunner.query(`
      UPDATE service_clients
      SET scopes = array_remove(array_remove(array_remove(scopes, 'tokens:reject'),
        'sessions:write'), 'client-tokens:read')`);
    await queryRunner.query('DROP TRIGGER service_clients_changed ON service_clients');
    await queryRunner.query(`
      CREATE TRIGGER service_clients_changed
        AFTER INSERT OR DELETE OR UPDATE OF key_hash, scopes, revoked_at ON service_clients
        FOR EACH ROW EXECUTE FUNCTION service_clients_notify()`);
    await queryRunner.query(`
      ALTER TABLE service_clients
        DROP COLUMN client_id,
        DROP COLUMN providers,
        DROP COLUMN user_prefixes,
        DROP COLUMN subject,
        DROP COLUMN certificate,
        DROP COLUMN expires_at,
        DROP COLUMN previous_key_hash,
        DROP COLUMN previous_key_expires_at,
        ALTER COLUMN key_hash SET NOT NULL`);
  }
}
