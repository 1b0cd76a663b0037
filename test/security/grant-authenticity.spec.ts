import { verifyAudit } from '../support/audit.js';
import { droppedEverywhere } from '../support/grants.js';
import { metric } from '../support/metrics.js';
import { begin } from '../support/requests.js';
import { eventually } from '../support/wait.js';
import { createWorld } from '../support/world.js';
import type { World } from '../support/world.js';

describe('somebody who can write to stitch_grants', () => {
  let world: World;
  beforeAll(async () => {
    world = await createWorld({ replicas: 2, environment: { REFRESH_INTERVAL: '1' } });
  });
  afterAll(() => world.close());

  const sql = (text: string, parameters: unknown[] = []) => world.database.query(text, parameters);
  const keep = async (user: string) => {
    await sql('DROP TABLE IF EXISTS kept');
    await sql(`CREATE TABLE kept AS SELECT * FROM stitch_grants WHERE user_id = '${user}'`);
  };
  const statuses = (user: string) =>
    Promise.all(
      world.vaults.map(async (_, replica) => (await world.read(user, '', replica)).status),
    );
  const reported = (user: string, reason: string) =>
    eventually('it is reported', () =>
      world.vault.logs
        .map((line) => JSON.parse(line) as Record<string, unknown>)
        .find(
          (line) =>
            line.event === 'grant.refused' && line.user_id === user && line.reason === reason,
        ),
    );

  /** As when a replica starts anew: nothing of the grant is in memory. */
  const dropped = async (user: string) => {
    await sql(
      `SELECT stitch_notify(json_build_array('grant', provider, user_id, connection, 'changed',
         grant_id)::text) FROM stitch_grants WHERE user_id = $1`,
      [user],
    );
    await droppedEverywhere(world.vaults, user);
  };

  it('cannot put a deleted grant back: it is refused and reported', async () => {
    await world.link('ann');
    await keep('ann');
    await world.vault.request('/tokens/ann', { key: world.key, method: 'DELETE' });
    await sql('INSERT INTO stitch_grants SELECT * FROM kept');
    expect(await statuses('ann')).toEqual([404, 404]);
    await reported('ann', 'consent_ended');
    const refused = 'stitch_vault_grants_refused_total{reason="consent_ended"}';
    expect(await metric(world.vault, refused)).toBeGreaterThan(0);
    const listed = await world.vault.request('/users/ann/grants', { key: world.key });
    expect(await listed.json()).toEqual({ items: [] });
    // Whoever consents anew is served: that is another consent.
    await world.link('ann');
    expect(await statuses('ann')).toEqual([200, 200]);
  });

  it('is found by audit verify who put one back as the owner, without a trace', async () => {
    await world.link('eve');
    await keep('eve');
    await world.vault.request('/tokens/eve', { key: world.key, method: 'DELETE' });
    expect(await verifyAudit(world.database.url)).toMatchObject({ ok: true });
    await sql(`BEGIN; SET LOCAL session_replication_role = replica;
      DELETE FROM stitch_ended_consents;
      INSERT INTO stitch_grants SELECT * FROM kept; COMMIT`);
    const [row] = await sql(
      `SELECT position::int FROM audit_events WHERE type = 'grant.deleted' AND user_id = 'eve'`,
    );
    const found = await verifyAudit(world.database.url);
    expect(found).toMatchObject({ ok: false, problem: 'put_back', ...row });
    await world.link('eve');
    expect(await verifyAudit(world.database.url)).toMatchObject({ ok: true });
  });

  it.each([
    ['widen its scopes', `scope = scope || ' payments'`],
    ['have its scopes forgotten', `scope = ''`],
    ['pass it off as another consent', 'grant_id = gen_random_uuid()'],
  ])('cannot %s', async (what, change) => {
    const user = what.split(' ').join('-');
    await world.link(user);
    expect(await statuses(user)).toEqual([200, 200]);
    await sql(`UPDATE stitch_grants SET ${change} WHERE user_id = $1`, [user]);
    await dropped(user);
    expect(await statuses(user)).toEqual([404, 404]);
    await reported(user, 'altered');
    // Nor does a rotation make it the vault's own word: nothing is presented.
    const { refreshCalls } = world.sandbox.stats;
    await sql(
      `UPDATE stitch_grants SET expires_at = now(), refresh_due_at = now() WHERE user_id = $1`,
      [user],
    );
    await eventually('the rotation is refused', async () => {
      const rows = await sql(
        'SELECT 1 FROM stitch_grants WHERE user_id = $1 AND last_error LIKE $2',
        [user, '%refresh_token_unreadable%'],
      );
      return rows.length > 0;
    });
    expect(world.sandbox.stats.refreshCalls).toBe(refreshCalls);
    // Its user consents anew, and all is well.
    await world.link(user);
    expect(await statuses(user)).toEqual([200, 200]);
  });

  it('cannot have a grant read that nobody has confirmed', async () => {
    const begun = await begin(world, { user_id: 'cem', confirm: true });
    await world.sandbox.consent(begun.authorization_url).then((url) => fetch(url));
    await sql(`UPDATE stitch_grants SET status = 'active' WHERE user_id = 'cem'`);
    expect(await statuses('cem')).toEqual([404, 404]);
    await reported('cem', 'altered');
  });

  it('cannot put the refresh token of another consent into a grant', async () => {
    await world.link('dov');
    await keep('dov');
    await world.link('dov');
    await sql(
      `UPDATE stitch_grants g SET refresh_token = k.refresh_token, expires_at = now(),
         refresh_due_at = now() FROM kept k WHERE g.user_id = 'dov'`,
    );
    await dropped('dov');
    const { refreshCalls } = world.sandbox.stats;
    expect((await world.read('dov')).status).toBe(503);
    expect(world.sandbox.stats.refreshCalls).toBe(refreshCalls);
    await reported('dov', 'altered');
  });

  it('cannot put the grant of an earlier consent back in the place of a later one', async () => {
    await world.link('bea');
    await keep('bea');
    await world.link('bea');
    await sql(`DELETE FROM stitch_grants WHERE user_id = 'bea'`);
    await sql('INSERT INTO stitch_grants SELECT * FROM kept');
    await eventually('both replicas refuse it', async () =>
      (await statuses('bea')).every((status) => status === 404),
    );
    await reported('bea', 'consent_ended');
  });
});
