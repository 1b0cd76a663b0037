import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The three tables the vault starts with. */
export class InitialSchema1763700000000 implements MigrationInterface {
  name = 'InitialSchema1763700000000';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      CREATE TABLE stitch_authorization_requests (
        id uuid NOT NULL,
        stitch_state text NOT NULL,
        user_id text NOT NULL,
        provider text NOT NULL,
        connection text NOT NULL,
        code_verifier bytea NOT NULL,
        code_challenge text NOT NULL,
        nonce bytea NOT NULL,
        redirect_uri text NOT NULL,
        scope text NOT NULL,
        return_to text,
        confirm boolean NOT NULL DEFAULT false,
        status text NOT NULL DEFAULT 'pending',
        error text,
        created_at timestamptz NOT NULL DEFAULT now(),
        expires_at timestamptz NOT NULL,
        claimed_at timestamptz,
        completed_at timestamptz,
        CONSTRAINT stitch_authorization_requests_pkey PRIMARY KEY (id),
        CONSTRAINT stitch_authorization_requests_state_key UNIQUE (stitch_state),
        CONSTRAINT stitch_authorization_requests_status_check CHECK (status IN
          ('pending', 'completed', 'awaiting_confirmation', 'denied', 'failed'))
      )`);
    // The purge walks this index; nothing else needs one beside the keys.
    await queryRunner.query(`
      CREATE INDEX stitch_authorization_requests_expires_at_idx
        ON stitch_authorization_requests (expires_at)`);

    // Rotations rewrite every row each quarter of an hour: room on the page keeps the updates that
    // touch no index (leases, reads) on it, and vacuum must not wait for a fifth of the table.
    await queryRunner.query(`
      CREATE TABLE stitch_grants (
        provider text COLLATE "C" NOT NULL,
        user_id text COLLATE "C" NOT NULL,
        connection text COLLATE "C" NOT NULL,
        grant_id uuid NOT NULL,
        status text NOT NULL,
        reason text,
        access_token bytea NOT NULL,
        refresh_token bytea,
        scope text NOT NULL,
        token_type text NOT NULL,
        subject text,
        stitch_account_id bigint,
        obtained_at timestamptz NOT NULL,
        expires_at timestamptz,
        refresh_due_at timestamptz,
        version bigint NOT NULL DEFAULT 1,
        rejected_version bigint,
        lease_owner text,
        lease_expires_at timestamptz,
        rotation_started_at timestamptz,
        failure_count integer NOT NULL DEFAULT 0,
        last_error text,
        last_read_at timestamptz,
        CONSTRAINT stitch_grants_pkey PRIMARY KEY (provider, user_id, connection),
        CONSTRAINT stitch_grants_status_check CHECK (status IN
          ('active', 'awaiting_confirmation', 'reauthorization_required', 'suspended'))
      ) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02)`);
    // Two disjoint partial indexes, so that a claim reads exactly the rows it takes: what is in
    // doubt first, then what is due. A claimed row moves to the in-doubt index with its lease's
    // end as its due time, so neither claim ever steps over rows that somebody else works on.
    await queryRunner.query(`
      CREATE INDEX stitch_grants_due_idx ON stitch_grants (provider, refresh_due_at)
        WHERE rotation_started_at IS NULL AND refresh_due_at IS NOT NULL`);
    await queryRunner.query(`
      CREATE INDEX stitch_grants_in_doubt_idx ON stitch_grants (provider, refresh_due_at)
        WHERE rotation_started_at IS NOT NULL`);

    await queryRunner.query(`
      CREATE TABLE service_clients (
        name text NOT NULL,
        key_hash bytea NOT NULL,
        scopes text[] NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        revoked_at timestamptz,
        last_used_at timestamptz,
        CONSTRAINT service_clients_pkey PRIMARY KEY (name),
        CONSTRAINT service_clients_key_hash_key UNIQUE (key_hash)
      )`);

    // Replicas drop what they cache when it stops being true. In triggers, so that no code path,
    // and no operator at a psql prompt, can forget it. Payloads name rows, never their content.
    await queryRunner.query(`
      CREATE FUNCTION stitch_grants_notify() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        PERFORM pg_notify('stitch_vault', json_build_array(
          'grant', OLD.provider, OLD.user_id, OLD.connection)::text);
        RETURN NULL;
      END $$`);
    await queryRunner.query(`
      CREATE TRIGGER stitch_grants_deleted AFTER DELETE ON stitch_grants
        FOR EACH ROW EXECUTE FUNCTION stitch_grants_notify()`);
    await queryRunner.query(`
      CREATE TRIGGER stitch_grants_changed
        AFTER UPDATE OF status, grant_id, rejected_version ON stitch_grants
        FOR EACH ROW WHEN (OLD.status IS DISTINCT FROM NEW.status
          OR OLD.grant_id IS DISTINCT FROM NEW.grant_id
          OR OLD.rejected_version IS DISTINCT FROM NEW.rejected_version)
        EXECUTE FUNCTION stitch_grants_notify()`);
    await queryRunner.query(`
      CREATE FUNCTION service_clients_notify() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        PERFORM pg_notify('stitch_vault', '["client"]');
        RETURN NULL;
      END $$`);
    await queryRunner.query(`
      CREATE TRIGGER service_clients_changed
        AFTER INSERT OR DELETE OR UPDATE OF key_hash, scopes, revoked_at ON service_clients
        FOR EACH ROW EXECUTE FUNCTION service_clients_notify()`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(
      'DROP TABLE service_clients, stitch_grants, stitch_authorization_requests',
    );
    await queryRunner.query('DROP FUNCTION service_clients_notify(), stitch_grants_notify()');
  }
}
