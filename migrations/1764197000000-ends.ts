import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Ends that can be seen coming: the end that a grant was announced to have, an event for each
 * announcement, and a word in `grant.linked` where a token can't be refreshed.
 */
export class Ends1764197000000 implements MigrationInterface {
  name = 'Ends1764197000000';

  async up(queryRunner: QueryRunner): Promise<void> {
    // The end itself and not a mark: a rotation or a new consent moves the end, and with that the
    // announcement is one of the past, whichever code wrote the row.
    await queryRunner.query('ALTER TABLE stitch_grants ADD COLUMN announced_end timestamptz');
    // Most grants have a refresh token, so it is small, and rotations don't touch it.
    await queryRunner.query(
      `CREATE INDEX stitch_grants_ending_idx ON stitch_grants (provider, expires_at)
       WHERE refresh_token IS NULL AND expires_at IS NOT NULL`,
    );
    await queryRunner.query(`
      CREATE FUNCTION stitch_grants_expiring_event() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        INSERT INTO stitch_events (event_id, type, provider, user_id, connection, data)
        VALUES (gen_random_uuid(), 'grant.expiring', NEW.provider, NEW.user_id, NEW.connection,
          jsonb_strip_nulls(jsonb_build_object(
            'provider', NEW.provider, 'user_id', NEW.user_id, 'connection', NEW.connection,
            'reason', CASE WHEN NEW.refresh_token IS NULL THEN 'no_refresh_token' ELSE 'unused' END,
            'ends_at', to_char(NEW.announced_end AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
            'scopes', to_jsonb(string_to_array(nullif(NEW.scope, ''), ' ')))));
        RETURN NULL;
      END $$`);
    await queryRunner.query(`
      CREATE TRIGGER stitch_grants_event_expiring AFTER UPDATE OF announced_end ON stitch_grants
        FOR EACH ROW WHEN (NEW.announced_end IS NOT NULL
          AND OLD.announced_end IS DISTINCT FROM NEW.announced_end)
        EXECUTE FUNCTION stitch_grants_expiring_event()`);
    await queryRunner.query(
      grantEvent(`'refreshable', CASE WHEN kind = 'grant.linked' AND subject.refresh_token IS NULL
              AND subject.expires_at IS NOT NULL THEN false END,`),
    );
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(grantEvent(''));
    await queryRunner.query('DROP TRIGGER stitch_grants_event_expiring ON stitch_grants');
    await queryRunner.query('DROP FUNCTION stitch_grants_expiring_event()');
    await queryRunner.query('DROP INDEX stitch_grants_ending_idx');
    await queryRunner.query('ALTER TABLE stitch_grants DROP COLUMN announced_end');
  }
}

/** The function of `Events1763770800000`, with further members of an event's data. */
const grantEvent = (members: string): string => `
      CREATE OR REPLACE FUNCTION stitch_grants_event() RETURNS trigger LANGUAGE plpgsql AS $$
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
            ${members}
            'scopes', to_jsonb(string_to_array(nullif(subject.scope, ''), ' ')))),
          CASE WHEN imported THEN NULL ELSE now() END);
        RETURN NULL;
      END $$`;
