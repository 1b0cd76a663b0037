import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EventDelivery } from '../../src/events/index.js';
import { eventPage } from '../support/events.js';
import { metric } from '../support/metrics.js';
import { insertGrants } from '../support/outbox.js';
import { startReceiver } from '../support/receiver.js';
import type { Receiver } from '../support/receiver.js';
import { eventually } from '../support/wait.js';
import { createWorld } from '../support/world.js';
import type { World } from '../support/world.js';

describe('several receivers of webhooks', () => {
  const directory = mkdtempSync(join(tmpdir(), 'receivers-'));
  let receivers: Receiver[];
  let world: World;
  beforeAll(async () => {
    receivers = await Promise.all([startReceiver(), startReceiver(), startReceiver()]);
    const [first, deletions, ill] = receivers.map(({ url, secret }) => ({ url, secret }));
    const path = join(directory, 'webhooks.json');
    const some = { ...deletions, types: ['grant.deleted'] };
    writeFileSync(path, JSON.stringify({ webhooks: { first, deletions: some, ill } }));
    world = await createWorld({ replicas: 2, environment: { WEBHOOKS_FILE: path } });
  });
  afterAll(async () => {
    await world.close();
    await Promise.all(receivers.map((receiver) => receiver.close()));
    rmSync(directory, { recursive: true });
  });

  it('get each what it asks for, once, whatever becomes of the others', async () => {
    const [first, deletions, ill] = receivers as [Receiver, Receiver, Receiver];
    await eventually('every receiver has a place in the log', async () => {
      const rows = await world.database.query('SELECT 1 FROM stitch_webhook_receivers');
      return rows.length === 3;
    });
    ill.answer = () => 500;
    await world.link('ann');
    await insertGrants(world.database, 1, 30);
    await world.vault.request('/tokens/ann', { key: world.key, method: 'DELETE' });
    await eventually('the others have theirs', () =>
      Promise.resolve(first.deliveries.length >= 32 && deletions.deliveries.length > 0),
    );
    const all = (await eventPage(world, '?limit=500')).items;
    expect(first.deliveries.map(({ id }) => id).sort()).toEqual(all.map(({ id }) => id).sort());
    expect(deletions.deliveries.map(({ type }) => type)).toEqual(['grant.deleted']);
    expect([...first.forged, ...deletions.forged, ...ill.forged]).toEqual([]);
    const pending = (name: string) =>
      metric(world.vault, `stitch_vault_webhook_receiver_pending{receiver="${name}"}`);
    // A receiver has an event a moment before that is noted.
    await eventually('theirs are noted', async () => (await pending('first')) === 0);
    // Each receiver's events are looked at by a timer of its own.
    await eventually('all of its wait', async () => (await pending('ill')) === 32);
    // It is well again: it gets all that it missed, under the ids of before.
    ill.answer = () => 204;
    await eventually('the ill one has caught up', async () => (await pending('ill')) === 0);
    expect(new Set(ill.deliveries.map(({ id }) => id))).toEqual(new Set(all.map(({ id }) => id)));
  });

  it('are given up on what one did not take for three days', async () => {
    const ill = receivers[2]!;
    const pending = () =>
      metric(world.vault, 'stitch_vault_webhook_receiver_pending{receiver="ill"}');
    ill.answer = () => 500;
    await insertGrants(world.database, 31, 35);
    await eventually('they wait', async () => (await pending()) > 0);
    await world.database.query(`UPDATE stitch_events SET created_at = now() - interval '4 days'`);
    // One that is being tried at this moment is given up with the next look.
    await eventually('they are given up', async () => {
      await world.vault.app.get(EventDelivery).upkeep();
      return (await pending()) === 0;
    });
  });
});
