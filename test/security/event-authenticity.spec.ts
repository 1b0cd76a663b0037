import { metric } from '../support/metrics.js';
import { allDelivered } from '../support/outbox.js';
import { startReceiver } from '../support/receiver.js';
import type { Receiver } from '../support/receiver.js';
import { eventually } from '../support/wait.js';
import { createWorld } from '../support/world.js';
import type { World } from '../support/world.js';

describe('somebody who can write to stitch_events', () => {
  let world: World;
  let receiver: Receiver;
  beforeAll(async () => {
    receiver = await startReceiver();
    world = await createWorld({ environment: receiver.environment });
    await world.link('ann');
    await allDelivered(world.database);
  });
  afterAll(async () => {
    await world.close();
    await receiver.close();
  });

  const reported = (reason: string) =>
    eventually('it is reported', () =>
      world.vault.logs
        .map((line) => JSON.parse(line) as Record<string, unknown>)
        .find((line) => line.event === 'event.refused' && line.reason === reason),
    );
  /** Everything that is worth sending was sent, and nothing about this user. */
  const nothingAbout = async (user: string) => {
    await world.link('witness');
    await eventually('what came later was sent', () => receiver.about('witness').length > 0);
    expect(receiver.about(user)).toEqual([]);
  };
  const invented = (user: string, type: string) =>
    `INSERT INTO stitch_events (event_id, type, provider, user_id, connection, data)
     VALUES (gen_random_uuid(), '${type}', 'stitch-money', '${user}', 'default',
       '{"provider":"stitch-money","user_id":"${user}","connection":"default"}')`;
  /** As the owner of the tables can do it. */
  const withoutTriggers = (sql: string) =>
    world.database.query(`BEGIN; SET LOCAL session_replication_role = replica; ${sql}; COMMIT`);

  it('cannot insert one', async () => {
    await expect(world.database.query(invented('mallory', 'grant.deleted'))).rejects.toThrow(
      'events are written by triggers alone',
    );
  });

  it.each(['grant.linked', 'grant.deleted', 'grant.suspended', 'grant.invented'])(
    'cannot have a %s sent that the audit does not know, not even as the owner',
    async (type) => {
      const refused = () => metric(world.vault, 'stitch_vault_events_refused_total');
      const before = await refused();
      await withoutTriggers(invented('mallory', type));
      await eventually('it is refused', async () => (await refused()) === before + 1);
      await reported('not_in_audit');
      await nothingAbout('mallory');
    },
  );

  it('cannot have one sent again that tells of another user', async () => {
    await world.database.query(
      `UPDATE stitch_events SET user_id = 'eve', data = data || '{"user_id":"eve"}',
         due_at = now() WHERE user_id = 'ann'`,
    );
    await reported('altered');
    await nothingAbout('eve');
    const left = await world.database.query(
      `SELECT 1 FROM stitch_events WHERE user_id = 'eve' AND due_at IS NOT NULL`,
    );
    expect(left).toEqual([]);
  });
});
