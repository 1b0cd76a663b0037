import { readAudit, verifyAudit } from '../support/audit.js';
import { eventually } from '../support/wait.js';
import { createWorld } from '../support/world.js';
import type { World } from '../support/world.js';

describe('a database that comes back with its sequences behind, as from logical replication', () => {
  let world: World;
  beforeAll(async () => {
    world = await createWorld();
  });
  afterAll(() => world.close());

  it('has them moved forward before a consent, an event or the audit collides', async () => {
    await world.link('ann');
    await world.link('ben');
    const { database, vault, key } = world;
    const linked = () => readAudit(vault, key, '&type=grant.linked');
    await eventually('both links are in the audit', async () => (await linked()).length === 2);
    expect((await vault.request('/events', { key })).status).toBe(200);

    await database.query(`
      SELECT setval(oid::regclass, 1, false) FROM pg_class WHERE relkind = 'S';
      SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE datname = current_database() AND pid <> pg_backend_pid()`);
    await eventually('they were moved', () =>
      vault.logs.some(
        (line) =>
          line.includes('database.sequences_behind') &&
          line.includes('audit_position_seq') &&
          line.includes('stitch_events_id_seq') &&
          line.includes('stitch_events_position_seq'),
      ),
    );
    await eventually('the vault is ready', async () => {
      return (await vault.request('/health/ready')).status === 200;
    });

    expect((await world.link('cas')).status).toBe(200);
    expect((await world.read('cas')).status).toBe(200);
    const { items } = (await (await vault.request('/events', { key })).json()) as {
      items: { user_id: string }[];
    };
    expect(items.map(({ user_id }) => user_id)).toEqual(['ann', 'ben', 'cas']);
    await eventually('the third is in the audit', async () => (await linked()).length === 3);
    expect(await verifyAudit(database.url)).toMatchObject({ ok: true });
  });

  it('leaves those alone that are right', async () => {
    await world.link('eve');
    const moved = () =>
      world.database.query<{ moved: string[] }>('SELECT sequences_forward() AS moved');
    expect(await moved()).toEqual([{ moved: [] }]);
    await world.database.query(`SELECT setval('stitch_events_id_seq', 1000)`);
    expect(await moved()).toEqual([{ moved: [] }]);
  });

  it.each([
    `created_at = 'infinity'`,
    `created_at = '-infinity'`,
    `created_at = '10000-01-01 UTC'`,
    'position = 9223372036854775807',
  ])('refuses what would end the sending of events: %s', async (change) => {
    await expect(
      world.database.query(`UPDATE stitch_events SET ${change} WHERE user_id = 'ann'`),
    ).rejects.toMatchObject({ code: '23514' });
  });

  it('follows no number that SQL by hand has put at the end of all numbers', async () => {
    const { database, vault, key } = world;
    const last = '9223372036854775807';
    await database.query('ALTER TABLE stitch_events DROP CONSTRAINT stitch_events_number_check');
    await database.query(`UPDATE stitch_events SET position = ${last} WHERE user_id = 'eve'`);
    await database.query('SELECT sequences_forward()');
    expect((await world.link('fay')).status).toBe(200);
    expect((await vault.request('/events', { key })).status).toBe(200);
    const [fay] = await database.query<{ position: string | null }>(
      `SELECT position FROM stitch_events WHERE user_id = 'fay'`,
    );
    expect(Number(fay?.position ?? Infinity)).toBeLessThan(1000);
  });
});
