import { Webhook } from 'standardwebhooks';
import {
  EventDelivery,
  EventOutboxStore,
  WebhookEndpoint,
  WebhookSender,
} from '../../src/events/index.js';
import { Log, SystemClock } from '../../src/common/index.js';
import { Metrics } from '../../src/metrics/index.js';
import { allDelivered, insertGrants, outboxOf } from '../support/outbox.js';
import { metric } from '../support/metrics.js';
import { startReceiver } from '../support/receiver.js';
import type { Receiver } from '../support/receiver.js';
import { launchVault } from '../support/vault.js';
import type { TestVault } from '../support/vault.js';
import { eventually } from '../support/wait.js';
import { createWorld } from '../support/world.js';
import type { World } from '../support/world.js';

describe('webhooks', () => {
  let world: World;
  let receiver: Receiver;
  beforeEach(async () => {
    receiver = await startReceiver();
    world = await createWorld({ replicas: 2, environment: receiver.environment });
  });
  afterEach(async () => {
    await world.close();
    await receiver.close();
  });

  const another = (environment: Record<string, string> = {}): Promise<TestVault> =>
    launchVault({ ...world.environment, ...environment });

  it('bring each event once, signed, though two replicas send', async () => {
    await world.link('ann');
    await insertGrants(world.database, 1, 300);
    await world.vault.request('/tokens/ann', { key: world.key, method: 'DELETE' });
    await allDelivered(world.database);
    const rows = await outboxOf(world.database);
    expect(rows).toHaveLength(302);
    expect(rows.every(({ attempts, pending }) => attempts === 1 && !pending)).toBe(true);
    expect(receiver.forged).toEqual([]);
    expect(receiver.deliveries.map(({ id }) => id).sort()).toEqual(
      rows.map(({ event_id }) => event_id).sort(),
    );
    const [linked] = receiver.about('ann');
    expect(linked).toMatchObject({
      type: 'grant.linked',
      timestamp: expect.stringMatching(/^\d{4}-.*Z$/),
      data: { provider: 'stitch-money', user_id: 'ann', connection: 'default' },
      headers: { 'content-type': 'application/json' },
    });
    const sent = await Promise.all(
      world.vaults.map((vault) =>
        metric(vault, 'stitch_vault_webhook_deliveries_total{outcome="delivered"}'),
      ),
    );
    expect(sent[0]! + sent[1]!).toBe(302);
    expect(await metric(world.vault, 'stitch_vault_events_pending')).toBeLessThanOrEqual(302);
  });

  it('are tried again under the same id after a 500, a redirect and a cut connection', async () => {
    const answers = [500, 302, 'cut', 204] as const;
    let attempt = 0;
    receiver.answer = () => answers[attempt++] ?? 204;
    await insertGrants(world.database, 1, 1);
    await allDelivered(world.database);
    expect(receiver.deliveries).toHaveLength(4);
    expect(new Set(receiver.deliveries.map(({ id }) => id)).size).toBe(1);
    const bodies = receiver.deliveries.map(({ type, timestamp, data }) => ({
      type,
      timestamp,
      data,
    }));
    expect(new Set(bodies.map((body) => JSON.stringify(body))).size).toBe(1);
    expect(await outboxOf(world.database)).toMatchObject([{ attempts: 4, last_error: null }]);
    const logs = world.vaults.flatMap((vault) => vault.logs).join('');
    for (const reason of ['http_500', 'http_302', 'und_err_socket']) expect(logs).toContain(reason);
    expect(logs).not.toContain('/hooks');
    expect(logs).not.toContain(receiver.secret);
  });

  it('are tried again when no answer comes in time, or one letter of it at a time', async () => {
    await Promise.all(world.vaults.map((vault) => vault.app.get(EventDelivery).drain()));
    receiver.answer = () => (['hang', 'drip'] as const)[receiver.deliveries.length - 1] ?? 204;
    await insertGrants(world.database, 1, 1);
    const clock = new SystemClock();
    const config = { url: receiver.url, secrets: [receiver.secret] };
    const sender = new WebhookSender(
      world.vault.app.get(EventOutboxStore),
      new WebhookEndpoint(config, clock, 100, 2, { https: undefined, http: undefined, exempt: [] }),
      clock,
      new Log('silent'),
      new Metrics(),
    );
    await eventually('it is delivered', async () => {
      await sender.run();
      return (await outboxOf(world.database)).every(({ delivered }) => delivered);
    });
    expect(receiver.deliveries).toHaveLength(3);
    expect(new Set(receiver.deliveries.map(({ id }) => id)).size).toBe(1);
    await sender.drain();
  });

  it('are not given up for a 410, which a receiver also says while it is being deployed', async () => {
    receiver.answer = () => (receiver.deliveries.length === 1 ? 410 : 200);
    await insertGrants(world.database, 1, 1);
    await allDelivered(world.database);
    expect(await outboxOf(world.database)).toMatchObject([{ attempts: 2, last_error: null }]);
  });

  it('leave a receiver alone for as long as its Retry-After asks', async () => {
    await world.vaults.splice(1)[0]?.stop();
    receiver.answer = () => 'busy';
    await insertGrants(world.database, 1, 1);
    await eventually('it was tried', async () =>
      (await outboxOf(world.database)).some(({ last_error }) => last_error === 'http_429'),
    );
    await insertGrants(world.database, 2, 2);
    // A look at what is due, right now.
    await world.vault.app.get(EventDelivery).upkeep();
    const [{ wait } = { wait: 0 }] = await world.database.query<{ wait: number }>(
      `SELECT extract(epoch FROM max(due_at) - now())::float8 AS wait FROM stitch_events
       WHERE last_error = 'http_429'`,
    );
    expect(wait).toBeGreaterThan(50);
    expect(wait).toBeLessThan(61);
    expect(receiver.deliveries).toHaveLength(1);
  });

  it('are not lost over restarts, nor held up by a receiver that hangs', async () => {
    receiver.answer = () => 'hang';
    await insertGrants(world.database, 1, 3);
    await eventually('all are on their way', () => receiver.deliveries.length === 3);
    const asked = Date.now();
    await Promise.all(world.vaults.splice(0).map((vault) => vault.stop()));
    expect(Date.now() - asked).toBeLessThan(6000);
    expect(await outboxOf(world.database)).toMatchObject(
      Array.from({ length: 3 }, () => ({ attempts: 1, pending: true, last_error: 'interrupted' })),
    );
    await insertGrants(world.database, 4, 5);
    receiver.answer = () => 200;
    world.vaults.push(await another());
    await allDelivered(world.database);
    const ids = receiver.deliveries.map(({ id }) => id);
    expect(ids).toHaveLength(8);
    expect(new Set(ids)).toEqual(
      new Set((await outboxOf(world.database)).map(({ event_id }) => event_id)),
    );
  });

  it('carry a signature of every secret while one is exchanged for another', async () => {
    const fresh = `whsec_${Buffer.alloc(32, 9).toString('base64')}`;
    await Promise.all(world.vaults.splice(0).map((vault) => vault.stop()));
    world.vaults.push(await another({ WEBHOOK_SECRET: `${fresh},${receiver.secret}` }));
    await insertGrants(world.database, 1, 1);
    await allDelivered(world.database);
    const [delivery] = receiver.deliveries;
    const { type, timestamp, data, headers } = delivery!;
    const body = JSON.stringify({ type, timestamp, data });
    const verify = () => new Webhook(fresh).verify(body, headers as Record<string, string>);
    expect(verify()).toEqual({ type, timestamp, data });
  });

  it('give an event up after three days, and keep it for thirty', async () => {
    receiver.answer = () => 500;
    await insertGrants(world.database, 1, 3);
    await eventually('all were tried', () => receiver.deliveries.length >= 3);
    await Promise.all(world.vaults.map((vault) => vault.app.get(EventDelivery).drain()));
    await world.database.query(
      `UPDATE stitch_events SET created_at = created_at - CASE data->>'user_id'
         WHEN 'user-1' THEN interval '71 hours' WHEN 'user-2' THEN interval '73 hours'
         ELSE interval '31 days' END`,
    );
    const vault = await another();
    world.vaults.push(vault);
    await vault.app.get(EventDelivery).upkeep();
    expect((await outboxOf(world.database)).map(({ pending }) => pending)).toEqual([true, false]);
    expect(vault.logs.join('')).toContain('webhooks.given_up');
    const page = await vault.request('/events', { key: world.key });
    expect(((await page.json()) as { items: unknown[] }).items).toHaveLength(2);
  });

  it('are off without WEBHOOK_URL; the events wait to be read, and for a receiver', async () => {
    await Promise.all(world.vaults.splice(0).map((vault) => vault.stop()));
    const quiet = await another({ WEBHOOK_URL: '', WEBHOOK_SECRET: '' });
    await insertGrants(world.database, 1, 2);
    await quiet.app.get(EventDelivery).upkeep();
    expect((await outboxOf(world.database)).map(({ attempts }) => attempts)).toEqual([0, 0]);
    const page = await quiet.request('/events', { key: world.key });
    expect(((await page.json()) as { items: unknown[] }).items).toHaveLength(2);
    await quiet.stop();
    world.vaults.push(await another());
    await allDelivered(world.database);
  });
});
