import { CookieBrowser } from '../support/cookie-browser.js';
import { createConfirmWorld } from '../support/confirm-world.js';
import type { ConfirmWorld } from '../support/confirm-world.js';
import { grantLife } from '../support/connect-world.js';
import { metric } from '../support/metrics.js';
import { requestStatus } from '../support/requests.js';
import { eventually } from '../support/wait.js';

const REFUSED = { http: 409, code: 'not_awaiting_confirmation' };

describe('a link to be confirmed, for a name that has a grant', () => {
  let world: ConfirmWorld;
  beforeAll(async () => {
    world = await createConfirmWorld();
  });
  afterEach(() => {
    world.sandbox.reset();
    world.connect.reset();
  });
  afterAll(() => world.close());

  const isLive = (token: { access_token: string }) => world.sandbox.isLive(token.access_token);
  const reject = (user: string, version: number, replica: number) =>
    world.post(`/tokens/${user}/rejections`, { version }, replica);
  const typesOf = async (user: string) => (await world.eventsOf(user)).map(({ type }) => type);

  it('leaves that grant as it is until then: read, rotated, not revoked, on every replica', async () => {
    await world.link('ann');
    const { access_token } = await world.token('ann');
    const { id, callback } = await world.consented('ann');
    expect(callback.status).toBe(200);
    expect((await requestStatus(world, id)).status).toBe('awaiting_confirmation');
    for (const replica of [0, 1]) {
      expect(await world.token('ann', replica)).toMatchObject({ access_token, version: 1 });
    }
    expect((await reject('ann', 1, 1)).status).toBe(200);
    await eventually('it was rotated', async () => (await world.token('ann')).version === 2);
    expect(await world.database.query('SELECT 1 FROM stitch_revocations')).toEqual([]);
    expect(world.sandbox.stats.familiesRevoked).toBe(0);
    expect(isLive(await world.token('ann'))).toBe(true);
    expect(await world.aside('ann')).toEqual([id]);
    expect(await typesOf('ann')).toEqual(['grant.linked']);
  });

  it('takes its place once confirmed: at once, one version on, the old one revoked, one event', async () => {
    await world.link('ben');
    const before = [await world.token('ben', 0), await world.token('ben', 1)];
    const { id } = await world.consented('ben');
    expect(await world.confirm(id, 'ben')).toMatchObject({ http: 200, status: 'completed' });
    const now = await world.token('ben');
    expect(now).toMatchObject({ version: 2 });
    expect(now.access_token).not.toBe(before[0]?.access_token);
    await eventually('the other replica has heard of it', async () => {
      const { access_token } = await world.token('ben', 1);
      return access_token === now.access_token;
    });
    expect(await world.confirm(id, 'ben', 1)).toMatchObject({ http: 200 });
    await world.revoked();
    expect([isLive(now), isLive(before[0]!)]).toEqual([true, false]);
    expect(await world.aside('ben')).toEqual([]);
    const events = await world.eventsOf('ben');
    expect(events.map(({ type }) => type)).toEqual(['grant.linked', 'grant.linked']);
    expect(events[1]?.data).toMatchObject({ authorization_request: id });
  });

  it('ends without a trace when somebody else confirms, revoked; the grant goes on', async () => {
    await world.link('cas');
    const before = await world.token('cas');
    const live = world.sandbox.stats.liveAccessTokens;
    const { id } = await world.consented('cas');
    expect(await world.confirm(id, 'eve', 1)).toMatchObject({ http: 409, code: 'user_mismatch' });
    expect(await world.aside('cas')).toEqual([]);
    await world.revoked();
    expect(world.sandbox.stats.liveAccessTokens).toBe(live);
    expect(isLive(before)).toBe(true);
    expect((await world.token('cas', 1)).access_token).toBe(before.access_token);
    expect(await world.confirm(id, 'cas')).toMatchObject(REFUSED);
    expect(await typesOf('cas')).toEqual(['grant.linked']);
  });

  it('does not end a loss before it is confirmed', async () => {
    await world.link('dee');
    world.sandbox.revokeGrantOf((await world.token('dee')).access_token);
    expect((await reject('dee', 1, 0)).status).toBe(409);
    const { id } = await world.consented('dee');
    expect((await world.read('dee', '', 1)).status).toBe(409);
    await world.confirm(id, 'dee');
    expect((await world.read('dee')).status).toBe(200);
  });

  it('is due at once when it has grown old in the meantime', async () => {
    await world.link('eli');
    const { id } = await world.consented('eli');
    await world.database.query(
      `UPDATE stitch_unconfirmed_grants SET obtained_at = obtained_at - interval '20 minutes',
         expires_at = expires_at - interval '20 minutes',
         refresh_due_at = refresh_due_at - interval '20 minutes' WHERE user_id = 'eli'`,
    );
    await world.confirm(id, 'eli');
    await eventually('the schedule has rotated it', async () => {
      const { version, status } = await grantLife(world, 'eli', 'stitch-money');
      return version === 3 && status === 'active';
    });
  });

  it('is counted as what it is', async () => {
    await world.link('flo');
    await world.consented('flo');
    const [row] = await world.database.query<{ n: number }>(
      `SELECT (SELECT count(*) FROM stitch_grants WHERE status = 'awaiting_confirmation')::int
         + (SELECT count(*) FROM stitch_unconfirmed_grants)::int AS n`,
    );
    const sample = `stitch_vault_grants{provider="stitch-money",status="awaiting_confirmation"}`;
    expect(row?.n).toBeGreaterThan(0);
    expect(await metric(world.vault, sample)).toBe(row?.n);
  });

  it('works where tokens never expire: what is there is read until the other is confirmed', async () => {
    await world.linkConnect('gus', 'gus@example.com');
    const before = await (await world.readConnect('gus')).json();
    const browser = new CookieBrowser();
    const begun = await world.beginConnect({ user_id: 'gus', confirm: true });
    const other = { email: 'gus2@example.com' };
    await browser.open(await world.consent(browser, begun.authorization_url, other));
    expect(await (await world.readConnect('gus', 1)).json()).toEqual(before);
    expect((await world.confirm(begun.id, 'gus')).http).toBe(200);
    const now = (await (await world.readConnect('gus')).json()) as { stitch_account_id: number };
    expect(now).toMatchObject({ version: 2, expires_in: null });
    expect(now.stitch_account_id).not.toBe(
      (before as { stitch_account_id: number }).stitch_account_id,
    );
  });
});
