import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The outbox and the log of what happens to grants. */
export class Events1763770800000 implements MigrationInterface {
  name = 'Events1763770800000';

  async up(queryRunner: QueryRunner): Promise<void> {
    // `id` is drawn inside a transaction and becomes visible when that commits, so a reader that
    // remembers the highest one it saw would miss rows. `position` is given to rows that are
    // already visible, by one transaction at a time: it is what readers page by. Not the xid of the
    // writer: any long transaction on the server would hold the log back, and a dump restored into
    // another server would bring xids that this one has not reached yet.
    await queryRunner.query(`
      CREATE TABLE stitch_events (
        id bigint GENERATED ALWAYS AS IDENTITY,
        event_id uuid NOT NULL,
        position bigint,
        type text NOT NULL,
        provider text NOT NULL,
        user_id text NOT NULL,
        connection text NOT NULL,
        data jsonb NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        due_at timestamptz DEFAULT now(),
        attempts integer NOT NULL DEFAULT 0,
        last_error text,
        delivered_at timestamptz,
        CONSTRAINT stitch_events_pkey PRIMARY KEY (id),
        CONSTRAINT stitch_events_event_id_key UNIQUE (event_id),
        CONSTRAINT stitch_events_position_key UNIQUE (position)
      )`);
    await queryRunner.query(
      'CREATE SEQUENCE stitch_events_position_seq OWNED BY stitch_events.position',
    );
    // What is still to be sent, what has no position yet, and the purge: each reads just its rows.
    await queryRunner.query(
      'CREATE INDEX stitch_events_due_at_idx ON stitch_events (due_at) WHERE due_at IS NOT NULL',
    );
    await queryRunner.query(
      'CREATE INDEX stitch_events_unplaced_idx ON stitch_events (id) WHERE position IS NULL',
    );
    await queryRunner.query(
      'CREATE INDEX stitch_events_created_at_idx ON stitch_events (created_at)',
    );

    // In a trigger, so that an event is in the transaction of the change it tells of, whichever
    // code path, or operator at a psql prompt, makes it; and comes once, because the row was locked
    // when it changed. For callers a grant that awaits confirmation does not exist. What an import
    // brings is in the log and is not sent: a hundred thousand calls would say nothing new.
    await queryRunner.query(`
      CREATE FUNCTION stitch_grants_event() RETURNS trigger LANGUAGE plpgsql AS $$
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
            'scopes', to_jsonb(string_to_array(nullif(subject.scope, ''), ' ')))),
          CASE WHEN imported THEN NULL ELSE now() END);
        RETURN NULL;
      END $$`);
    await queryRunner.query(`
      CREATE TRIGGER stitch_grants_event_added AFTER INSERT OR DELETE ON stitch_grants
        FOR EACH ROW EXECUTE FUNCTION stitch_grants_event()`);
    await queryRunner.query(`
      CREATE TRIGGER stitch_grants_event_changed
        AFTER UPDATE OF status, grant_id ON stitch_grants
        FOR EACH ROW WHEN (OLD.status IS DISTINCT FROM NEW.status
          OR OLD.grant_id IS DISTINCT FROM NEW.grant_id)
        EXECUTE FUNCTION stitch_grants_event()`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DROP TRIGGER stitch_grants_event_added ON stitch_grants');
    await queryRunner.query('DROP TRIGGER stitch_grants_event_changed ON stitch_grants');
    await queryRunner.query('DROP FUNCTION stitch_grants_event()');
    await queryRunner.query('DROP TABLE stitch_events');
  }
}
