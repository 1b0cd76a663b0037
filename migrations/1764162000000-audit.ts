import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Who did what: the audit, its order, its keys, and what grants and clients write into it. */
export class Audit1764162000000 implements MigrationInterface {
  name = 'Audit1764162000000';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      CREATE TABLE audit_keys (
        id integer NOT NULL,
        sealed_key bytea NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT audit_keys_pkey PRIMARY KEY (id)
      )`);
    // Rows of the vault have a chain, a place in it, a key and a mac. Rows that triggers write have
    // none of them: a mark in somebody's chain vouches for them within a second.
    await queryRunner.query(`
      CREATE TABLE audit_events (
        position bigint NOT NULL,
        at timestamptz NOT NULL DEFAULT now(),
        type text NOT NULL,
        client text,
        provider text,
        user_id text COLLATE "C",
        connection text,
        version bigint,
        count bigint NOT NULL DEFAULT 1,
        outcome text NOT NULL,
        request_id text,
        data text,
        chain bigint,
        sequence bigint,
        previous bigint,
        key integer,
        mac bytea,
        CONSTRAINT audit_events_pkey PRIMARY KEY (position)
      )`);
    await queryRunner.query(
      `CREATE UNIQUE INDEX audit_events_chain_idx ON audit_events (chain, sequence)
       WHERE chain IS NOT NULL`,
    );
    for (const [name, columns, condition] of [
      ['user', 'user_id, position', 'user_id IS NOT NULL'],
      ['client', 'client, position', 'client IS NOT NULL'],
      ['type', 'type, position', `type <> 'token.read'`],
      ['loose', 'position', 'mac IS NULL'],
      ['mark', 'at', `type = 'audit.mark'`],
      ['mark_position', 'position', `type = 'audit.mark'`],
      ['pruned', 'position', `type = 'audit.pruned'`],
    ] as const) {
      await queryRunner.query(
        `CREATE INDEX audit_events_${name}_idx ON audit_events (${columns}) WHERE ${condition}`,
      );
    }
    await this.createPositions(queryRunner);
    await this.createGuards(queryRunner);
    await this.createTriggers(queryRunner);
  }

  /**
   * Positions are drawn by the writer, and nobody waits: whoever draws some first leaves, until its
   * transaction ends, an advisory lock that others can see and that says from where on it draws. A
   * reader asks for the highest position below which nobody is still writing.
   */
  private async createPositions(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('CREATE SEQUENCE audit_position_seq OWNED BY audit_events.position');
    // The lock holds 31 bits: the position in steps of 256.
    await queryRunner.query(`
      CREATE FUNCTION audit_positions(wanted integer) RETURNS SETOF bigint LANGUAGE plpgsql AS $$
      DECLARE
        low bigint;
      BEGIN
        SELECT last_value INTO low FROM audit_position_seq;
        PERFORM pg_advisory_xact_lock_shared(714621003, ((low >> 8) & 2147483647)::integer);
        RETURN QUERY SELECT nextval('audit_position_seq') FROM generate_series(1, wanted);
      END $$`);
    // First the sequence, then the locks: who takes a lock after they were looked at draws a position
    // above what the sequence said.
    await queryRunner.query(`
      CREATE FUNCTION audit_horizon() RETURNS bigint LANGUAGE plpgsql AS $$
      DECLARE
        top bigint;
        low bigint;
      BEGIN
        SELECT CASE WHEN is_called THEN last_value ELSE 0 END INTO top FROM audit_position_seq;
        SELECT min(objid::bigint) << 8 INTO low FROM pg_locks
        WHERE locktype = 'advisory' AND classid = 714621003 AND objsubid = 2
          AND database = (SELECT oid FROM pg_database WHERE datname = current_database());
        RETURN least(top, coalesce(low, top));
      END $$`);
    await queryRunner.query(`
      ALTER TABLE audit_events
        ALTER COLUMN position SET DEFAULT nextval('audit_position_seq')`);
  }

  private async createGuards(queryRunner: QueryRunner): Promise<void> {
    // Only a trigger may write a row that nobody vouches for yet.
    await queryRunner.query(`
      CREATE FUNCTION audit_events_guard() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        IF pg_trigger_depth() < 2 THEN
          RAISE EXCEPTION 'audit rows without a mac are written by triggers alone'
            USING ERRCODE = 'insufficient_privilege';
        END IF;
        RETURN NEW;
      END $$`);
    await queryRunner.query(`
      CREATE TRIGGER audit_events_guard BEFORE INSERT ON audit_events
        FOR EACH ROW WHEN (NEW.mac IS NULL) EXECUTE FUNCTION audit_events_guard()`);
    // With the owner's rights: the vault's role can delete nothing here otherwise.
    await queryRunner.query(`
      CREATE FUNCTION audit_prune(through bigint, days integer) RETURNS bigint
      LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
        WITH gone AS (
          DELETE FROM public.audit_events WHERE position IN (
            SELECT position FROM public.audit_events
            WHERE position <= through AND at < now() - greatest(days, 1) * interval '1 day'
            ORDER BY position LIMIT 5000) RETURNING 1)
        SELECT count(*) FROM gone
      $$`);
  }

  /** In the transaction of the change, whoever makes it: no code path can forget it. */
  private async createTriggers(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      CREATE FUNCTION audit_note(kind text, who text, provider text, user_id text, connection text,
        version bigint, outcome text) RETURNS void LANGUAGE sql AS $$
        INSERT INTO audit_events (position, type, client, provider, user_id, connection, version,
          outcome)
        SELECT p, kind, coalesce(nullif(current_setting('stitch_vault.client', true), ''), who),
          provider, user_id, connection, version, outcome FROM audit_positions(1) p
      $$`);
    await queryRunner.query(`
      CREATE FUNCTION stitch_grants_audit() RETURNS trigger LANGUAGE plpgsql AS $$
      DECLARE
        was text := nullif(OLD.status, 'awaiting_confirmation');
        becomes text := nullif(NEW.status, 'awaiting_confirmation');
        who text;
      BEGIN
        IF becomes IS NULL THEN
          IF was IS NOT NULL THEN
            PERFORM audit_note('grant.deleted', NULL, OLD.provider, OLD.user_id, OLD.connection,
              OLD.version, 'done');
          END IF;
        ELSIF becomes = 'active' AND (was IS NULL OR OLD.grant_id <> NEW.grant_id) THEN
          SELECT c.name INTO who FROM stitch_authorization_requests r
            JOIN service_clients c ON c.client_id = r.client_id WHERE r.id = NEW.grant_id;
          PERFORM audit_note('grant.linked', who, NEW.provider, NEW.user_id, NEW.connection,
            NEW.version, 'done');
        ELSIF becomes IS DISTINCT FROM was AND becomes <> 'active' THEN
          PERFORM audit_note(
            CASE becomes WHEN 'suspended' THEN 'grant.suspended' ELSE 'grant.lost' END, NULL,
            NEW.provider, NEW.user_id, NEW.connection, NEW.version,
            coalesce(NEW.reason, becomes));
        END IF;
        RETURN NULL;
      END $$`);
    await queryRunner.query(`
      CREATE TRIGGER stitch_grants_audit_added AFTER INSERT OR DELETE ON stitch_grants
        FOR EACH ROW EXECUTE FUNCTION stitch_grants_audit()`);
    await queryRunner.query(`
      CREATE TRIGGER stitch_grants_audit_changed AFTER UPDATE OF status, grant_id ON stitch_grants
        FOR EACH ROW WHEN (OLD.status IS DISTINCT FROM NEW.status
          OR OLD.grant_id IS DISTINCT FROM NEW.grant_id)
        EXECUTE FUNCTION stitch_grants_audit()`);
    await queryRunner.query(`
      CREATE FUNCTION service_clients_audit() RETURNS trigger LANGUAGE plpgsql AS $$
      DECLARE
        kind text := 'client.rotated';
      BEGIN
        IF TG_OP = 'DELETE' THEN
          IF OLD.revoked_at IS NOT NULL THEN RETURN NULL; END IF;
          kind := 'client.revoked';
        ELSIF TG_OP = 'INSERT' OR OLD.client_id <> NEW.client_id
          OR (OLD.revoked_at IS NOT NULL AND NEW.revoked_at IS NULL) THEN
          kind := 'client.created';
        ELSIF OLD.revoked_at IS NULL AND NEW.revoked_at IS NOT NULL THEN
          kind := 'client.revoked';
        END IF;
        PERFORM audit_note(kind, NULL, NULL, NULL, NULL, NULL, coalesce(NEW.name, OLD.name));
        RETURN NULL;
      END $$`);
    await queryRunner.query(`
      CREATE TRIGGER service_clients_audit
        AFTER INSERT OR DELETE OR UPDATE OF key_hash, previous_key_hash, previous_key_expires_at,
          scopes, providers, user_prefixes, subject, certificate, expires_at, revoked_at
        ON service_clients FOR EACH ROW EXECUTE FUNCTION service_clients_audit()`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DROP TRIGGER service_clients_audit ON service_clients');
    await queryRunner.query('DROP TRIGGER stitch_grants_audit_added ON stitch_grants');
    await queryRunner.query('DROP TRIGGER stitch_grants_audit_changed ON stitch_grants');
    await queryRunner.query('ALTER TABLE audit_events ALTER COLUMN position DROP DEFAULT');
    for (const signature of [
      'service_clients_audit()',
      'stitch_grants_audit()',
      'audit_note(text, text, text, text, text, bigint, text)',
      'audit_prune(bigint, integer)',
      'audit_horizon()',
      'audit_positions(integer)',
    ]) {
      await queryRunner.query(`DROP FUNCTION ${signature}`);
    }
    await queryRunner.query('DROP TABLE audit_events');
    await queryRunner.query('DROP FUNCTION audit_events_guard()');
    await queryRunner.query('DROP TABLE audit_keys');
  }
}
