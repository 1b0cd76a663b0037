-- tables
CREATE TABLE audit_events (
  position bigint NOT NULL DEFAULT nextval('audit_position_seq'::regclass),
  at timestamp with time zone NOT NULL DEFAULT now(),
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
  mac bytea
);
CREATE TABLE audit_keys (
  id integer NOT NULL,
  sealed_key bytea NOT NULL,
  created_at timestamp with time zone NOT NULL DEFAULT now()
);
CREATE TABLE client_tokens (
  provider text NOT NULL,
  client_id text NOT NULL,
  scope text NOT NULL,
  access_token bytea,
  granted_scope text,
  obtained_at timestamp with time zone,
  expires_at timestamp with time zone,
  refresh_due_at timestamp with time zone,
  version bigint NOT NULL DEFAULT 0,
  last_read_at timestamp with time zone NOT NULL DEFAULT now(),
  lease_owner text,
  lease_expires_at timestamp with time zone,
  failure_count integer NOT NULL DEFAULT 0,
  last_error text,
  refusal text,
  retry_at timestamp with time zone
);
CREATE TABLE console_samples (
  minute timestamp with time zone NOT NULL,
  process uuid NOT NULL,
  sample jsonb NOT NULL
) WITH (fillfactor=50);
CREATE TABLE migrations (
  id integer NOT NULL DEFAULT nextval('migrations_id_seq'::regclass),
  timestamp bigint NOT NULL,
  name character varying NOT NULL
);
CREATE TABLE service_clients (
  name text NOT NULL,
  key_hash bytea,
  scopes text[] NOT NULL,
  created_at timestamp with time zone NOT NULL DEFAULT now(),
  revoked_at timestamp with time zone,
  last_used_at timestamp with time zone,
  client_id uuid NOT NULL DEFAULT gen_random_uuid(),
  providers text[],
  user_prefixes text[],
  subject text,
  certificate text,
  expires_at timestamp with time zone,
  previous_key_hash bytea,
  previous_key_expires_at timestamp with time zone,
  revision bigint NOT NULL DEFAULT 1,
  mac bytea
);
CREATE TABLE stitch_authorization_browsers (
  browser_hash bytea NOT NULL,
  request_id uuid NOT NULL,
  started_at timestamp with time zone NOT NULL DEFAULT now(),
  first boolean NOT NULL DEFAULT false
);
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
  status text NOT NULL DEFAULT 'pending'::text,
  error text,
  created_at timestamp with time zone NOT NULL DEFAULT now(),
  expires_at timestamp with time zone NOT NULL,
  claimed_at timestamp with time zone,
  completed_at timestamp with time zone,
  browser_hash bytea,
  started_at timestamp with time zone,
  prefill bytea,
  client_id uuid,
  answer_hash bytea,
  visitor_hashes bytea[] NOT NULL DEFAULT '{}'::bytea[],
  http_status smallint,
  refreshable boolean
);
CREATE TABLE stitch_channel (
  name text NOT NULL
);
CREATE TABLE stitch_clock_steps (
  id bigint NOT NULL GENERATED AS IDENTITY,
  seen_at timestamp with time zone NOT NULL,
  by_ms bigint NOT NULL,
  process uuid NOT NULL
);
CREATE TABLE stitch_ended_consents (
  grant_id uuid NOT NULL,
  ended_at timestamp with time zone NOT NULL DEFAULT now()
);
CREATE TABLE stitch_events (
  id bigint NOT NULL GENERATED AS IDENTITY,
  event_id uuid NOT NULL,
  position bigint,
  type text NOT NULL,
  provider text NOT NULL,
  user_id text NOT NULL,
  connection text NOT NULL,
  data jsonb NOT NULL,
  created_at timestamp with time zone NOT NULL DEFAULT now(),
  due_at timestamp with time zone DEFAULT now(),
  attempts integer NOT NULL DEFAULT 0,
  last_error text,
  delivered_at timestamp with time zone,
  mac bytea
);
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
  subject text,
  stitch_account_id bigint,
  obtained_at timestamp with time zone NOT NULL,
  expires_at timestamp with time zone,
  refresh_due_at timestamp with time zone,
  version bigint NOT NULL DEFAULT 1,
  rejected_version bigint,
  lease_owner text,
  lease_expires_at timestamp with time zone,
  rotation_started_at timestamp with time zone,
  failure_count integer NOT NULL DEFAULT 0,
  last_error text,
  last_read_at timestamp with time zone,
  refused_since timestamp with time zone,
  held_at timestamp with time zone,
  held_answer bytea,
  retired_at timestamp with time zone,
  announced_end timestamp with time zone
) WITH (fillfactor=80, autovacuum_vacuum_scale_factor=0.02);
CREATE TABLE stitch_history (
  single boolean NOT NULL DEFAULT true,
  counter bigint NOT NULL DEFAULT 0,
  advanced_at timestamp with time zone NOT NULL DEFAULT now(),
  origin text,
  paused_at timestamp with time zone,
  paused_reason text,
  incomplete_before timestamp with time zone
);
CREATE TABLE stitch_provider_fuses (
  provider text NOT NULL,
  given_up integer NOT NULL DEFAULT 0,
  tripped_at timestamp with time zone,
  spent integer NOT NULL DEFAULT 0,
  spent_at timestamp with time zone,
  cautious_since timestamp with time zone,
  asked_at timestamp with time zone
);
CREATE TABLE stitch_replicas (
  process uuid NOT NULL,
  beat bigint NOT NULL,
  beat_at timestamp with time zone NOT NULL,
  incarnation text NOT NULL,
  stage smallint NOT NULL,
  held_since timestamp with time zone
) WITH (fillfactor=50);
CREATE TABLE stitch_revocations (
  id bigint NOT NULL GENERATED AS IDENTITY,
  provider text NOT NULL,
  user_id text NOT NULL,
  connection text NOT NULL,
  refresh_token bytea NOT NULL,
  created_at timestamp with time zone NOT NULL DEFAULT now(),
  due_at timestamp with time zone NOT NULL DEFAULT now(),
  attempts integer NOT NULL DEFAULT 0,
  last_error text,
  subject text
);
CREATE TABLE stitch_unconfirmed_grants (
  grant_id uuid NOT NULL,
  provider text COLLATE "C" NOT NULL,
  user_id text COLLATE "C" NOT NULL,
  connection text COLLATE "C" NOT NULL,
  access_token bytea NOT NULL,
  refresh_token bytea,
  scope text NOT NULL,
  subject text,
  stitch_account_id bigint,
  obtained_at timestamp with time zone NOT NULL,
  expires_at timestamp with time zone,
  refresh_due_at timestamp with time zone
);
CREATE TABLE stitch_webhook_deliveries (
  event bigint NOT NULL,
  receiver text NOT NULL,
  due_at timestamp with time zone NOT NULL DEFAULT now(),
  attempts integer NOT NULL DEFAULT 0,
  last_error text
);
CREATE TABLE stitch_webhook_receivers (
  name text NOT NULL,
  position bigint NOT NULL
);

-- constraints
ALTER TABLE audit_events ADD CONSTRAINT audit_events_pkey PRIMARY KEY ("position");
ALTER TABLE audit_keys ADD CONSTRAINT audit_keys_pkey PRIMARY KEY (id);
ALTER TABLE client_tokens ADD CONSTRAINT client_tokens_pkey PRIMARY KEY (provider, client_id, scope);
ALTER TABLE console_samples ADD CONSTRAINT console_samples_pkey PRIMARY KEY (minute, process);
ALTER TABLE migrations ADD CONSTRAINT "PK_8c82d7f526340ab734260ea46be" PRIMARY KEY (id);
ALTER TABLE service_clients ADD CONSTRAINT service_clients_client_id_key UNIQUE (client_id);
ALTER TABLE service_clients ADD CONSTRAINT service_clients_key_hash_key UNIQUE (key_hash);
ALTER TABLE service_clients ADD CONSTRAINT service_clients_pkey PRIMARY KEY (name);
ALTER TABLE stitch_authorization_browsers ADD CONSTRAINT stitch_authorization_browsers_pkey PRIMARY KEY (browser_hash);
ALTER TABLE stitch_authorization_browsers ADD CONSTRAINT stitch_authorization_browsers_request_id_fkey FOREIGN KEY (request_id) REFERENCES stitch_authorization_requests(id) ON DELETE CASCADE;
ALTER TABLE stitch_authorization_requests ADD CONSTRAINT stitch_authorization_requests_pkey PRIMARY KEY (id);
ALTER TABLE stitch_authorization_requests ADD CONSTRAINT stitch_authorization_requests_state_key UNIQUE (stitch_state);
ALTER TABLE stitch_authorization_requests ADD CONSTRAINT stitch_authorization_requests_status_check CHECK ((status = ANY (ARRAY['pending'::text, 'completed'::text, 'awaiting_confirmation'::text, 'denied'::text, 'failed'::text])));
ALTER TABLE stitch_channel ADD CONSTRAINT stitch_channel_pkey PRIMARY KEY (name);
ALTER TABLE stitch_clock_steps ADD CONSTRAINT stitch_clock_steps_pkey PRIMARY KEY (id);
ALTER TABLE stitch_ended_consents ADD CONSTRAINT stitch_ended_consents_pkey PRIMARY KEY (grant_id);
ALTER TABLE stitch_events ADD CONSTRAINT stitch_events_event_id_key UNIQUE (event_id);
ALTER TABLE stitch_events ADD CONSTRAINT stitch_events_number_check CHECK (((id < '9007199254740992'::bigint) AND ("position" < '9007199254740992'::bigint))) NOT VALID;
ALTER TABLE stitch_events ADD CONSTRAINT stitch_events_pkey PRIMARY KEY (id);
ALTER TABLE stitch_events ADD CONSTRAINT stitch_events_position_key UNIQUE ("position");
ALTER TABLE stitch_events ADD CONSTRAINT stitch_events_time_check CHECK ((isfinite(created_at) AND (created_at < '10000-01-01 00:00:00+00'::timestamp with time zone))) NOT VALID;
ALTER TABLE stitch_grants ADD CONSTRAINT stitch_grants_pkey PRIMARY KEY (provider, user_id, connection);
ALTER TABLE stitch_grants ADD CONSTRAINT stitch_grants_status_check CHECK ((status = ANY (ARRAY['active'::text, 'awaiting_confirmation'::text, 'reauthorization_required'::text, 'suspended'::text])));
ALTER TABLE stitch_history ADD CONSTRAINT stitch_history_pkey PRIMARY KEY (single);
ALTER TABLE stitch_history ADD CONSTRAINT stitch_history_single_check CHECK (single);
ALTER TABLE stitch_provider_fuses ADD CONSTRAINT stitch_provider_fuses_pkey PRIMARY KEY (provider);
ALTER TABLE stitch_replicas ADD CONSTRAINT stitch_replicas_pkey PRIMARY KEY (process);
ALTER TABLE stitch_revocations ADD CONSTRAINT stitch_revocations_pkey PRIMARY KEY (id);
ALTER TABLE stitch_unconfirmed_grants ADD CONSTRAINT stitch_unconfirmed_grants_pkey PRIMARY KEY (grant_id);
ALTER TABLE stitch_webhook_deliveries ADD CONSTRAINT stitch_webhook_deliveries_event_fkey FOREIGN KEY (event) REFERENCES stitch_events(id) ON DELETE CASCADE;
ALTER TABLE stitch_webhook_deliveries ADD CONSTRAINT stitch_webhook_deliveries_pkey PRIMARY KEY (event, receiver);
ALTER TABLE stitch_webhook_receivers ADD CONSTRAINT stitch_webhook_receivers_pkey PRIMARY KEY (name);

-- indexes of no constraint
CREATE UNIQUE INDEX audit_events_chain_idx ON public.audit_events USING btree (chain, sequence) WHERE (chain IS NOT NULL);
CREATE INDEX audit_events_client_idx ON public.audit_events USING btree (client, "position") WHERE (client IS NOT NULL);
CREATE INDEX audit_events_loose_idx ON public.audit_events USING btree ("position") WHERE (mac IS NULL);
CREATE INDEX audit_events_mark_idx ON public.audit_events USING btree (at) WHERE (type = 'audit.mark'::text);
CREATE INDEX audit_events_mark_position_idx ON public.audit_events USING btree ("position") WHERE (type = 'audit.mark'::text);
CREATE INDEX audit_events_pruned_idx ON public.audit_events USING btree ("position") WHERE (type = 'audit.pruned'::text);
CREATE INDEX audit_events_type_idx ON public.audit_events USING btree (type, "position") WHERE (type <> 'token.read'::text);
CREATE INDEX audit_events_user_idx ON public.audit_events USING btree (user_id, "position") WHERE (user_id IS NOT NULL);
CREATE INDEX stitch_authorization_browsers_request_id_idx ON public.stitch_authorization_browsers USING btree (request_id, started_at);
CREATE UNIQUE INDEX stitch_authorization_requests_answer_hash_idx ON public.stitch_authorization_requests USING btree (answer_hash) WHERE (answer_hash IS NOT NULL);
CREATE INDEX stitch_authorization_requests_browser_hash_idx ON public.stitch_authorization_requests USING btree (browser_hash) WHERE (browser_hash IS NOT NULL);
CREATE INDEX stitch_authorization_requests_claimed_idx ON public.stitch_authorization_requests USING btree (provider, user_id, connection) WHERE ((status = 'pending'::text) AND (claimed_at IS NOT NULL));
CREATE INDEX stitch_authorization_requests_expires_at_idx ON public.stitch_authorization_requests USING btree (expires_at);
CREATE INDEX stitch_authorization_requests_unconfirmed_idx ON public.stitch_authorization_requests USING btree (completed_at) WHERE (status = 'awaiting_confirmation'::text);
CREATE INDEX stitch_authorization_requests_user_id_idx ON public.stitch_authorization_requests USING btree (user_id, created_at);
CREATE INDEX stitch_events_created_at_idx ON public.stitch_events USING btree (created_at);
CREATE INDEX stitch_events_due_at_idx ON public.stitch_events USING btree (due_at) WHERE (due_at IS NOT NULL);
CREATE INDEX stitch_events_unplaced_idx ON public.stitch_events USING btree (id) WHERE ("position" IS NULL);
CREATE INDEX stitch_events_unvouched_idx ON public.stitch_events USING btree (created_at) WHERE ((mac IS NULL) AND ((data ->> 'reason'::text) IS DISTINCT FROM 'imported'::text));
CREATE INDEX stitch_grants_due_idx ON public.stitch_grants USING btree (provider, refresh_due_at) WHERE ((rotation_started_at IS NULL) AND (refresh_due_at IS NOT NULL));
CREATE INDEX stitch_grants_ending_idx ON public.stitch_grants USING btree (provider, expires_at) WHERE ((refresh_token IS NULL) AND (expires_at IS NOT NULL));
CREATE INDEX stitch_grants_held_idx ON public.stitch_grants USING btree (held_at) WHERE (held_at IS NOT NULL);
CREATE INDEX stitch_grants_in_doubt_idx ON public.stitch_grants USING btree (provider, refresh_due_at) WHERE (rotation_started_at IS NOT NULL);
CREATE INDEX stitch_grants_retired_idx ON public.stitch_grants USING btree (retired_at) WHERE ((retired_at IS NOT NULL) AND (refresh_token IS NOT NULL));
CREATE INDEX stitch_grants_subject_idx ON public.stitch_grants USING btree (provider, subject) WHERE (subject IS NOT NULL);
CREATE INDEX stitch_grants_unconfirmed_idx ON public.stitch_grants USING btree (obtained_at) WHERE (status = 'awaiting_confirmation'::text);
CREATE INDEX stitch_revocations_due_at_idx ON public.stitch_revocations USING btree (due_at);
CREATE INDEX stitch_unconfirmed_grants_name_idx ON public.stitch_unconfirmed_grants USING btree (provider, user_id, connection);
CREATE INDEX stitch_unconfirmed_grants_obtained_at_idx ON public.stitch_unconfirmed_grants USING btree (obtained_at);
CREATE INDEX stitch_webhook_deliveries_due_idx ON public.stitch_webhook_deliveries USING btree (receiver, due_at);

-- functions
CREATE OR REPLACE FUNCTION public.audit_events_guard()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
      BEGIN
        IF pg_trigger_depth() < 2 THEN
          RAISE EXCEPTION 'audit rows without a mac are written by triggers alone'
            USING ERRCODE = 'insufficient_privilege';
        END IF;
        RETURN NEW;
      END $function$
;
CREATE OR REPLACE FUNCTION public.audit_horizon()
 RETURNS bigint
 LANGUAGE plpgsql
AS $function$
      DECLARE
        top bigint;
        low bigint;
      BEGIN
        SELECT CASE WHEN is_called THEN last_value ELSE 0 END INTO top FROM audit_position_seq;
        SELECT min(objid::bigint) << 8 INTO low FROM pg_locks
        WHERE locktype = 'advisory' AND classid = 714621003 AND objsubid = 2
          AND database = (SELECT oid FROM pg_database WHERE datname = current_database());
        RETURN least(top, coalesce(low, top));
      END $function$
;
CREATE OR REPLACE FUNCTION public.audit_note(kind text, who text, provider text, user_id text, connection text, version bigint, outcome text)
 RETURNS void
 LANGUAGE sql
AS $function$
        INSERT INTO audit_events (position, type, client, provider, user_id, connection, version,
          outcome)
        SELECT p, kind, coalesce(nullif(current_setting('stitch_vault.client', true), ''), who),
          provider, user_id, connection, version, outcome FROM audit_positions(1) p
      $function$
;
CREATE OR REPLACE FUNCTION public.audit_positions(wanted integer)
 RETURNS SETOF bigint
 LANGUAGE plpgsql
AS $function$
      DECLARE
        low bigint;
      BEGIN
        SELECT last_value INTO low FROM audit_position_seq;
        PERFORM pg_advisory_xact_lock_shared(714621003, ((low >> 8) & 2147483647)::integer);
        RETURN QUERY SELECT nextval('audit_position_seq') FROM generate_series(1, wanted);
      END $function$
;
CREATE OR REPLACE FUNCTION public.audit_prune(through bigint, days integer)
 RETURNS bigint
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
        WITH gone AS (
          DELETE FROM public.audit_events WHERE position IN (
            SELECT position FROM public.audit_events
            WHERE position <= through AND at < now() - greatest(days, 1) * interval '1 day'
            ORDER BY position LIMIT 5000) RETURNING 1)
        SELECT count(*) FROM gone
      $function$
;
CREATE OR REPLACE FUNCTION public.sequences_forward()
 RETURNS text[]
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
 SET lock_timeout TO '50ms'
AS $function$
      DECLARE
        one record;
        used bigint;
        behind boolean;
        moved text[] := '{}';
      BEGIN
        FOR one IN
          SELECT s.relname AS name, s.oid::regclass AS sequence, c.oid::regclass AS relation, a.attname AS field
          FROM pg_depend d
            JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S'
            JOIN pg_class c ON c.oid = d.refobjid AND c.relnamespace = 'public'::regnamespace
            JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.refobjsubid
          WHERE d.classid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')
            AND c.relowner = (SELECT oid FROM pg_roles WHERE rolname = current_user)
          ORDER BY 1
        LOOP
          BEGIN
            EXECUTE format('SELECT max(%1$I) FROM %2$s WHERE %1$I < 9007199254740992', one.field, one.relation) INTO used;
            EXECUTE format('SELECT last_value < $1 OR (last_value = $1 AND NOT is_called) FROM %s', one.sequence)
              INTO behind USING used;
            IF behind THEN
              PERFORM setval(one.sequence, used);
              moved := moved || one.name::text;
            END IF;
          EXCEPTION WHEN lock_not_available THEN NULL;
          END;
        END LOOP;
        RETURN moved;
      END $function$
;
CREATE OR REPLACE FUNCTION public.service_clients_audit()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
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
      END $function$
;
CREATE OR REPLACE FUNCTION public.service_clients_end(client uuid, key bytea, until timestamp with time zone)
 RETURNS boolean
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
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
        SELECT EXISTS (SELECT FROM ended) $function$
;
CREATE OR REPLACE FUNCTION public.service_clients_notify()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
      BEGIN
        PERFORM stitch_notify('["client"]');
        RETURN NULL;
      END $function$
;
CREATE OR REPLACE FUNCTION public.stitch_clock_event()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
      BEGIN
        INSERT INTO stitch_events (event_id, type, provider, user_id, connection, data)
        VALUES (gen_random_uuid(), 'database.clock_stepped', '', '', '',
          jsonb_build_object('seconds', round(NEW.by_ms / 1000.0)));
        RETURN NULL;
      END $function$
;
CREATE OR REPLACE FUNCTION public.stitch_events_guard()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
      BEGIN
        IF pg_trigger_depth() < 2 THEN
          RAISE EXCEPTION 'events are written by triggers alone'
            USING ERRCODE = 'insufficient_privilege';
        END IF;
        RETURN NEW;
      END $function$
;
CREATE OR REPLACE FUNCTION public.stitch_grants_audit()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
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
      END $function$
;
CREATE OR REPLACE FUNCTION public.stitch_grants_ended()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
      BEGIN
        INSERT INTO stitch_ended_consents (grant_id) VALUES (OLD.grant_id) ON CONFLICT DO NOTHING;
        RETURN NULL;
      END $function$
;
CREATE OR REPLACE FUNCTION public.stitch_grants_event()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
      DECLARE
        was text := nullif(OLD.status, 'awaiting_confirmation');
        becomes text := nullif(NEW.status, 'awaiting_confirmation');
        imported boolean := coalesce(current_setting('stitch_vault.origin', true), '') = 'import';
        subject stitch_grants%ROWTYPE;
        kind text;
        why text;
        request uuid;
      BEGIN
        IF TG_OP = 'DELETE' THEN subject := OLD; ELSE subject := NEW; END IF;
        IF becomes IS NULL THEN
          IF was IS NULL THEN RETURN NULL; END IF;
          kind := 'grant.deleted';
          IF TG_OP = 'UPDATE' THEN why := 'replaced'; END IF;
        ELSIF becomes = 'active' AND (was IS NULL OR OLD.grant_id <> NEW.grant_id) THEN
          kind := 'grant.linked';
          IF imported THEN why := 'imported'; ELSE
            SELECT id INTO request FROM stitch_authorization_requests WHERE id = NEW.grant_id;
          END IF;
        ELSIF becomes = was THEN
          RETURN NULL;
        ELSIF becomes = 'active' THEN
          kind := 'grant.reinstated';
        ELSE
          kind := 'grant.' || becomes;
          why := NEW.reason;
        END IF;
        INSERT INTO stitch_events (event_id, type, provider, user_id, connection, data, due_at)
        VALUES (gen_random_uuid(), kind, subject.provider, subject.user_id, subject.connection,
          jsonb_strip_nulls(jsonb_build_object(
            'provider', subject.provider, 'user_id', subject.user_id,
            'connection', subject.connection, 'reason', why, 'authorization_request', request,
            'refreshable', CASE WHEN kind = 'grant.linked' AND subject.refresh_token IS NULL
              AND subject.expires_at IS NOT NULL THEN false END,
            'scopes', to_jsonb(string_to_array(nullif(subject.scope, ''), ' ')))),
          CASE WHEN imported THEN NULL ELSE now() END);
        RETURN NULL;
      END $function$
;
CREATE OR REPLACE FUNCTION public.stitch_grants_expiring_event()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
      BEGIN
        INSERT INTO stitch_events (event_id, type, provider, user_id, connection, data)
        VALUES (gen_random_uuid(), 'grant.expiring', NEW.provider, NEW.user_id, NEW.connection,
          jsonb_strip_nulls(jsonb_build_object(
            'provider', NEW.provider, 'user_id', NEW.user_id, 'connection', NEW.connection,
            'reason', CASE WHEN NEW.refresh_token IS NULL THEN 'no_refresh_token' ELSE 'unused' END,
            'ends_at', to_char(NEW.announced_end AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
            'scopes', to_jsonb(string_to_array(nullif(NEW.scope, ''), ' ')))));
        RETURN NULL;
      END $function$
;
CREATE OR REPLACE FUNCTION public.stitch_grants_held_event()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
      BEGIN
        INSERT INTO stitch_events (event_id, type, provider, user_id, connection, data)
        VALUES (gen_random_uuid(),
          CASE WHEN NEW.held_at IS NULL THEN 'grant.reinstated' ELSE 'grant.held' END,
          NEW.provider, NEW.user_id, NEW.connection,
          jsonb_strip_nulls(jsonb_build_object(
            'provider', NEW.provider, 'user_id', NEW.user_id, 'connection', NEW.connection,
            'scopes', to_jsonb(string_to_array(nullif(NEW.scope, ''), ' ')))));
        RETURN NULL;
      END $function$
;
CREATE OR REPLACE FUNCTION public.stitch_grants_notify()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
      BEGIN
        PERFORM stitch_notify(json_build_array(
          'grant', OLD.provider, OLD.user_id, OLD.connection,
          CASE WHEN TG_OP = 'DELETE' THEN 'deleted'
            WHEN OLD.grant_id <> NEW.grant_id THEN 'replaced'
            WHEN OLD.status = 'awaiting_confirmation' AND NEW.status = 'active' THEN 'confirmed'
            ELSE 'changed' END,
          OLD.grant_id)::text);
        RETURN NULL;
      END $function$
;
CREATE OR REPLACE FUNCTION public.stitch_grants_trouble()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
      BEGIN
        IF NEW.version <> OLD.version THEN
          NEW.held_at := NULL;
          NEW.held_answer := NULL;
          NEW.refused_since := NULL;
          NEW.retired_at := NULL;
        ELSIF NEW.held_at IS NOT NULL THEN
          NEW.refresh_due_at := NULL;
        END IF;
        RETURN NEW;
      END $function$
;
CREATE OR REPLACE FUNCTION public.stitch_history_event()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
      BEGIN
        INSERT INTO stitch_events (event_id, type, provider, user_id, connection, data)
        VALUES (gen_random_uuid(), 'database.history_lost', '', '', '',
          jsonb_build_object('reason', coalesce(NEW.paused_reason, 'replicas_missing')));
        RETURN NULL;
      END $function$
;
CREATE OR REPLACE FUNCTION public.stitch_incarnation()
 RETURNS text
 LANGUAGE plpgsql
 STABLE
AS $function$
      DECLARE timeline text;
      BEGIN
        BEGIN
          timeline := CASE WHEN pg_is_in_recovery() THEN 'standby'
            ELSE substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) END;
        -- Not every operator's server tells: then the other parts and the counters have to do.
        EXCEPTION WHEN OTHERS THEN timeline := 'unknown';
        END;
        RETURN concat_ws('/', timeline,
          extract(epoch FROM pg_postmaster_start_time())::text,
          (SELECT oid FROM pg_database WHERE datname = current_database())::text,
          'stitch_grants'::regclass::oid::text,
          pg_relation_filenode('stitch_grants'::regclass)::text);
      END $function$
;
CREATE OR REPLACE FUNCTION public.stitch_notify(payload text)
 RETURNS void
 LANGUAGE plpgsql
AS $function$
      BEGIN
        PERFORM pg_notify(name, payload) FROM stitch_channel;
        PERFORM pg_notify('stitch_vault', payload);
      END $function$
;
CREATE OR REPLACE FUNCTION public.stitch_origin()
 RETURNS text
 LANGUAGE plpgsql
 STABLE
AS $function$
      DECLARE server text;
      BEGIN
        BEGIN
          SELECT system_identifier::text INTO server FROM pg_control_system();
        EXCEPTION WHEN OTHERS THEN server := 'unknown';
        END;
        RETURN server || '/' ||
          (SELECT oid FROM pg_database WHERE datname = current_database())::text;
      END $function$
;
CREATE OR REPLACE FUNCTION public.stitch_provider_event()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
      BEGIN
        INSERT INTO stitch_events (event_id, type, provider, user_id, connection, data)
        VALUES (gen_random_uuid(),
          CASE WHEN NEW.tripped_at IS NULL THEN 'provider.trusted' ELSE 'provider.suspected' END,
          NEW.provider, '', '', jsonb_build_object('provider', NEW.provider));
        RETURN NULL;
      END $function$
;

-- triggers
CREATE TRIGGER audit_events_guard BEFORE INSERT ON public.audit_events FOR EACH ROW WHEN ((new.mac IS NULL)) EXECUTE FUNCTION audit_events_guard();
CREATE TRIGGER service_clients_audit AFTER INSERT OR DELETE OR UPDATE OF key_hash, previous_key_hash, previous_key_expires_at, scopes, providers, user_prefixes, subject, certificate, expires_at, revoked_at ON public.service_clients FOR EACH ROW EXECUTE FUNCTION service_clients_audit();
CREATE TRIGGER service_clients_changed AFTER INSERT OR DELETE OR UPDATE OF key_hash, previous_key_hash, previous_key_expires_at, scopes, providers, user_prefixes, subject, certificate, expires_at, revoked_at ON public.service_clients FOR EACH ROW EXECUTE FUNCTION service_clients_notify();
CREATE TRIGGER stitch_clock_steps_event AFTER INSERT ON public.stitch_clock_steps FOR EACH ROW EXECUTE FUNCTION stitch_clock_event();
CREATE TRIGGER stitch_events_guard BEFORE INSERT ON public.stitch_events FOR EACH ROW EXECUTE FUNCTION stitch_events_guard();
CREATE TRIGGER stitch_grants_audit_added AFTER INSERT OR DELETE ON public.stitch_grants FOR EACH ROW EXECUTE FUNCTION stitch_grants_audit();
CREATE TRIGGER stitch_grants_audit_changed AFTER UPDATE OF status, grant_id ON public.stitch_grants FOR EACH ROW WHEN (((old.status IS DISTINCT FROM new.status) OR (old.grant_id IS DISTINCT FROM new.grant_id))) EXECUTE FUNCTION stitch_grants_audit();
CREATE TRIGGER stitch_grants_changed AFTER UPDATE OF status, grant_id, rejected_version ON public.stitch_grants FOR EACH ROW WHEN (((old.status IS DISTINCT FROM new.status) OR (old.grant_id IS DISTINCT FROM new.grant_id) OR (old.rejected_version IS DISTINCT FROM new.rejected_version))) EXECUTE FUNCTION stitch_grants_notify();
CREATE TRIGGER stitch_grants_consent_deleted AFTER DELETE ON public.stitch_grants FOR EACH ROW EXECUTE FUNCTION stitch_grants_ended();
CREATE TRIGGER stitch_grants_consent_replaced AFTER UPDATE OF grant_id ON public.stitch_grants FOR EACH ROW WHEN ((old.grant_id <> new.grant_id)) EXECUTE FUNCTION stitch_grants_ended();
CREATE TRIGGER stitch_grants_deleted AFTER DELETE ON public.stitch_grants FOR EACH ROW EXECUTE FUNCTION stitch_grants_notify();
CREATE TRIGGER stitch_grants_event_added AFTER INSERT OR DELETE ON public.stitch_grants FOR EACH ROW EXECUTE FUNCTION stitch_grants_event();
CREATE TRIGGER stitch_grants_event_changed AFTER UPDATE OF status, grant_id ON public.stitch_grants FOR EACH ROW WHEN (((old.status IS DISTINCT FROM new.status) OR (old.grant_id IS DISTINCT FROM new.grant_id))) EXECUTE FUNCTION stitch_grants_event();
CREATE TRIGGER stitch_grants_event_expiring AFTER UPDATE OF announced_end ON public.stitch_grants FOR EACH ROW WHEN (((new.announced_end IS NOT NULL) AND (old.announced_end IS DISTINCT FROM new.announced_end))) EXECUTE FUNCTION stitch_grants_expiring_event();
CREATE TRIGGER stitch_grants_event_held AFTER UPDATE ON public.stitch_grants FOR EACH ROW WHEN ((((old.held_at IS NULL) <> (new.held_at IS NULL)) AND (old.grant_id = new.grant_id))) EXECUTE FUNCTION stitch_grants_held_event();
CREATE TRIGGER stitch_grants_trouble_settled BEFORE UPDATE ON public.stitch_grants FOR EACH ROW WHEN (((old.held_at IS NOT NULL) OR (new.held_at IS NOT NULL) OR (old.refused_since IS NOT NULL) OR (old.retired_at IS NOT NULL))) EXECUTE FUNCTION stitch_grants_trouble();
CREATE TRIGGER stitch_history_event_lost AFTER UPDATE OF incomplete_before ON public.stitch_history FOR EACH ROW WHEN (((new.incomplete_before IS DISTINCT FROM old.incomplete_before) AND (NOT (new.origin IS DISTINCT FROM old.origin)) AND ((old.paused_at IS NULL) OR (new.paused_at IS NOT NULL)))) EXECUTE FUNCTION stitch_history_event();
CREATE TRIGGER stitch_provider_fuses_event AFTER UPDATE OF tripped_at ON public.stitch_provider_fuses FOR EACH ROW WHEN (((old.tripped_at IS NULL) <> (new.tripped_at IS NULL))) EXECUTE FUNCTION stitch_provider_event();

-- extensions

-- migrations
-- InitialSchema1763700000000
-- Revocations1763760000000
-- BrowserBinding1763763600000
-- BrowserIndex1763767200000
-- Events1763770800000
-- UnconfirmedGrants1763774400000
-- ClaimedRequestsIndex1763778000000
-- Callers1764154800000
-- NotificationChannel1764158400000
-- Audit1764162000000
-- History1764172800000
-- TroubleOfGrants1764176400000
-- Visits1764180000000
-- ClientTokens1764183600000
-- TokenType1764185000000
-- ForgottenClients1764190000000
-- RevokedConsents1764192000000
-- AuthenticClients1764193000000
-- ConsoleSamples1764194000000
-- ClockSteps1764195000000
-- Ends1764197000000
-- WebhookReceivers1764198000000
-- Caution1764199000000
-- EndedConsents1764201000000
-- AuthenticEvents1764202000000
-- SequencesForward1764203000000
-- DropTokenType1764204000000
-- PossibleEvents1764205000000
