import { metric } from '../support/metrics.js';
import { eventually } from '../support/wait.js';
import { createWorld } from '../support/world.js';
import type { World } from '../support/world.js';

describe('somebody who can write to stitch_grants', () => {
  let world: World;
  beforeAll(async () => {
    world = await createWorld({ replicas: 2 });
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
