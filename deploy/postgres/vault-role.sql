-- The role that the vault works with, and no more rights than it needs. Run it once, as the owner of
-- the tables (or `migrate --role vault_app` does); `migrate` runs it again after each migration, for
-- every role that has these rights. Running it again changes nothing. Then give the role a password:
--   ALTER ROLE vault_app PASSWORD '…';

DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'vault_app') THEN
    CREATE ROLE vault_app LOGIN;
  END IF;
END $$;

-- The server itself ends what waits for a lock, before the vault's deadline of 3 seconds does. Behind
-- a pooler, too: some releases of PgBouncer end when a client has a statement cancelled.
DO $$
BEGIN
  ALTER ROLE vault_app SET lock_timeout = '2500ms';
EXCEPTION WHEN insufficient_privilege THEN
  RAISE NOTICE 'lock_timeout of vault_app is left as it is: that takes CREATEROLE';
END $$;

-- Whoever may log in to the database may notify on any channel and take advisory locks.
DO $$
BEGIN
  EXECUTE format('REVOKE CONNECT, TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
  EXECUTE format('GRANT CONNECT ON DATABASE %I TO vault_app', current_database());
END $$;

REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO vault_app;
GRANT SELECT ON migrations, stitch_channel TO vault_app;
GRANT SELECT, INSERT, UPDATE, DELETE
  ON stitch_grants, stitch_unconfirmed_grants, stitch_authorization_requests,
     stitch_authorization_browsers, stitch_revocations, stitch_provider_fuses,
     stitch_history, stitch_replicas,
     stitch_webhook_receivers, stitch_webhook_deliveries,
     client_tokens, console_samples TO vault_app;
-- Events are written by triggers; what one says is changed by nobody.
REVOKE UPDATE ON stitch_events FROM vault_app;
GRANT SELECT, INSERT, DELETE, UPDATE (position, due_at, attempts, last_error, delivered_at, mac)
  ON stitch_events TO vault_app;
-- Steps of the clock are noted, and what a note says is changed by nobody.
REVOKE UPDATE ON stitch_clock_steps FROM vault_app;
GRANT SELECT, INSERT, DELETE ON stitch_clock_steps TO vault_app;
-- That a consent is over is noted, and never taken back.
GRANT SELECT, INSERT ON stitch_ended_consents TO vault_app;
GRANT USAGE ON SEQUENCE stitch_events_position_seq TO vault_app;
-- Sequences that came back behind their columns are moved forward, and never back.
GRANT EXECUTE ON FUNCTION sequences_forward() TO vault_app;

-- Callers are made by operators, with the owner's role; the first vault vouches for those it finds.
GRANT SELECT, UPDATE (last_used_at, mac, revision) ON service_clients TO vault_app;
-- A database that came back without its last seconds is told again who was revoked: taken away, and
-- never given.
GRANT EXECUTE ON FUNCTION service_clients_end(uuid, bytea, timestamptz) TO vault_app;

-- The audit: written and read. Nothing in it is changed, and retention deletes by a function that
-- leaves alone what is younger than a day.
GRANT SELECT, INSERT ON audit_events TO vault_app;
GRANT SELECT, INSERT, UPDATE (sealed_key) ON audit_keys TO vault_app;
GRANT USAGE, SELECT ON SEQUENCE audit_position_seq TO vault_app;
REVOKE EXECUTE ON FUNCTION audit_prune(bigint, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit_prune(bigint, integer) TO vault_app;
