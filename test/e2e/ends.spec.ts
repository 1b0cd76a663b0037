import { CredentialEnds, GrantEnds } from '../../src/ends/index.js';
import { eventPage } from '../support/events.js';
import { begin } from '../support/requests.js';
import { metric } from '../support/metrics.js';
import { createWorld } from '../support/world.js';
import type { World } from '../support/world.js';

const YEAR_DAYS = 365;
const TOMORROW = new Date(Date.now() + 86_400_000).toISOString();

describe('ends that can be seen coming', () => {
  let world: World;
  beforeAll(async () => {
    world = await createWorld({
      replicas: 2,
      environment: {
        REFRESH_POLICY: 'on-demand',
        GRANT_EXPIRING_DAYS: '30',
        STITCH_MONEY_CLIENT_SECRET_EXPIRES_AT: TOMORROW,
      },
    });
  });
  afterAll(() => world.close());

  const look = () => Promise.all(world.vaults.map(({ app }) => app.get(GrantEnds).look()));
  const endsOf = async (userId: string) =>
    (await eventPage(world, '?limit=500')).items.filter(
      ({ type, user_id }) => type === 'grant.expiring' && user_id === userId,
    );
  const unusedFor = (userId: string, days: number) =>
    world.database.query(
      `UPDATE stitch_grants SET obtained_at = now() - $2 * interval '1 day',
         expires_at = now() - interval '1 day', refresh_due_at = now() - interval '1 day'
       WHERE user_id = $1`,
      [userId, days],
    );

  it('are told once of a refresh token that dies of disuse, and again only of another end', async () => {
    await world.link('ann');
    await unusedFor('ann', YEAR_DAYS - 31);
    await look();
    expect(await endsOf('ann')).toEqual([]);
    await unusedFor('ann', YEAR_DAYS - 29);
    await look();
    await look();
    const [told, ...more] = await endsOf('ann');
    expect(more).toEqual([]);
    expect(told?.data).toMatchObject({ reason: 'unused', ends_at: expect.stringMatching(/Z$/) });
    const days = (Date.parse(String(told?.data.ends_at)) - Date.now()) / 86_400_000;
    expect(Math.round(days)).toBe(29);
    // A rotation moves the end a year away.
    expect((await world.read('ann')).status).toBe(200);
    await look();
    expect(await endsOf('ann')).toHaveLength(1);
    await unusedFor('ann', YEAR_DAYS - 10);
    await look();
    expect(await endsOf('ann')).toHaveLength(2);
  });

  it('are told of a token without refresh, by the link, its request and the log as well', async () => {
    const begun = await begin(world, { user_id: 'ben' });
    await fetch(
      await world.sandbox.consent(begun.authorization_url, { untick: ['offline_access'] }),
    );
    await look();
    await look();
    const events = (await eventPage(world, '?limit=500')).items.filter(
      ({ user_id }) => user_id === 'ben',
    );
    expect(events.map(({ type }) => type)).toEqual(['grant.linked', 'grant.expiring']);
    expect(events[0]?.data.refreshable).toBe(false);
    expect(events[1]?.data).toMatchObject({ reason: 'no_refresh_token' });
    const request = await world.vault.request(`/authorization-requests/${begun.id}`, {
      key: world.key,
    });
    expect(await request.json()).toMatchObject({ status: 'completed', refreshable: false });
    const logs = world.vaults.flatMap(({ logs: lines }) => lines).join('');
    expect(logs).toContain('grant.not_refreshable');
  });

  it('are told of our own secret, in the log and in a gauge', async () => {
    const ends = world.vault.app.get(CredentialEnds);
    await ends.look();
    await ends.look();
    const logs = world.vault.logs.join('');
    expect(logs.split('credential.expiring')).toHaveLength(2);
    expect(logs).toContain(TOMORROW);
    const gauge = 'stitch_vault_client_secret_expires_timestamp_seconds{provider="stitch-money"}';
    expect(await metric(world.vault, gauge)).toBeCloseTo(Date.parse(TOMORROW) / 1000, 0);
  });
});
