import { randomUUID } from 'node:crypto';
import { CookieBrowser } from '../support/cookie-browser.js';
import { createConnectWorld, grantLife } from '../support/connect-world.js';
import type { ConnectWorld } from '../support/connect-world.js';
import { begin, requestStatus, visit } from '../support/requests.js';
import { createClient } from '../support/vault.js';
import { eventually } from '../support/wait.js';
import type { TokenAnswer } from '../support/world.js';

const APP = 'https://app.example.com';

describe('links that wait to be confirmed', () => {
  let world: ConnectWorld;
  beforeAll(async () => {
    world = await createConnectWorld({ environment: { RETURN_URL_ALLOWLIST: APP } });
  });
  afterEach(() => {
    world.sandbox.reset();
  });
  afterAll(() => world.close());

  const confirm = async (id: string, userId: string, replica = 0) => {
    const path = `/authorization-requests/${id}/confirm`;
    const answer = await world.post(path, { user_id: userId }, replica);
    return { http: answer.status, ...((await answer.json()) as { code?: string }) };
  };
  /** A request made for `user`, consented to by whoever was sent its link. */
  const consented = async (user: string, body: object = {}) => {
    const begun = await begin(world, { user_id: user, confirm: true, ...body });
    const callback = await visit(await world.sandbox.consent(begun.authorization_url));
    return { ...begun, callback };
  };
  const live = () => world.sandbox.stats.liveAccessTokens;
  const outboxEmptied = () =>
    eventually('the outbox is empty', async () => {
      const rows = await world.database.query('SELECT 1 FROM stitch_revocations');
      return rows.length === 0;
    });

  it('are not readable until confirmed, on no replica; then they are, on every one', async () => {
    const { id, callback } = await consented('ann');
    expect(callback.status).toBe(200);
    expect(await callback.text()).toContain('One more step');
    expect((await requestStatus(world, id)).status).toBe('awaiting_confirmation');
    for (const replica of [0, 1]) {
      const read = await world.read('ann', '', replica);
      expect([read.status, ((await read.json()) as { code: string }).code]).toEqual([
        404,
        'token_not_found',
      ]);
    }
    const confirmed = await confirm(id, 'ann', 1);
    expect(confirmed).toEqual({ http: 200, ...(await requestStatus(world, id)) });
    expect((await requestStatus(world, id)).status).toBe('completed');
    for (const replica of [0, 1]) {
      const answer = await eventually(
        `replica ${String(replica)} serves it`,
        async () => {
          const read = await world.read('ann', '', replica);
          return read.status === 200 && read;
        },
        1000,
      );
      const { access_token } = (await answer.json()) as TokenAnswer;
      expect(world.sandbox.isLive(access_token)).toBe(true);
    }
  });

  it('give an attacker nothing: a victim who comes back as another user ends them, revoked', async () => {
    const before = live();
    // The attacker began it for their own user id and sent the victim the link.
    const { id } = await consented('attacker');
    expect(live()).toBe(before + 1);
    expect(await confirm(id, 'victim', 1)).toMatchObject({ http: 409, code: 'user_mismatch' });
    for (const user of ['attacker', 'victim']) {
      for (const replica of [0, 1]) {
        expect((await world.read(user, '', replica)).status).toBe(404);
      }
    }
    await outboxEmptied();
    expect(live()).toBe(before);
    expect(await requestStatus(world, id)).toMatchObject({
      status: 'failed',
      error: 'user_mismatch',
    });
    const late = { http: 409, code: 'not_awaiting_confirmation' };
    expect(await confirm(id, 'attacker')).toMatchObject(late);
    expect((await world.read('attacker')).status).toBe(404);
  });

  it('may be confirmed again by the same user, and by no other afterwards', async () => {
    const { id } = await consented('ben');
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, index) => confirm(id, 'ben', index % 2)),
    );
    expect(answers.map(({ http }) => http)).toEqual(answers.map(() => 200));
    const other = { http: 409, code: 'not_awaiting_confirmation' };
    expect(await confirm(id, 'somebody')).toMatchObject(other);
    expect((await world.read('ben')).status).toBe(200);
    expect(await grantLife(world, 'ben', 'stitch-money')).toMatchObject({ version: 1 });
  });

  it('end one way when the right user and a wrong one confirm at once', async () => {
    const { id } = await consented('cas');
    const users = Array.from({ length: 10 }, (_, index) => (index % 2 ? 'cas' : 'eve'));
    const answers = await Promise.all(users.map((user, index) => confirm(id, user, index % 2)));
    const mine = new Set(answers.filter((_, index) => index % 2).map(({ http }) => http));
    expect(mine.size).toBe(1);
    const [status] = [...mine];
    await eventually('every read agrees', async () => {
      const read = await world.read('cas');
      return read.status === (status === 200 ? 200 : 404);
    });
    expect((await requestStatus(world, id)).status).toBe(status === 200 ? 'completed' : 'failed');
  });

  it('are refreshed by the schedule as soon as they are confirmed, and not before', async () => {
    const { id } = await consented('dee');
    await world.database.query(
      `UPDATE stitch_grants SET refresh_due_at = now() WHERE user_id = 'dee'`,
    );
    await eventually('the schedule has passed it over', async () => {
      const { due_in } = await grantLife(world, 'dee', 'stitch-money');
      return due_in === null;
    });
    expect(world.sandbox.stats.refreshCalls).toBe(0);
    await confirm(id, 'dee');
    await eventually('it is rotated', async () => {
      const { version, status } = await grantLife(world, 'dee', 'stitch-money');
      return version === 2 && status === 'active';
    });
  });

  it('lead back to the app with what it needs to confirm', async () => {
    const { id, callback } = await consented('eli', { return_to: `${APP}/linked` });
    const location = new URL(callback.headers.get('location') ?? '');
    expect(Object.fromEntries(location.searchParams)).toEqual({
      authorization_request: id,
      status: 'awaiting_confirmation',
    });
  });

  it('cannot be confirmed before the user consented, nor after the user declined', async () => {
    const pending = await begin(world, { user_id: 'flo', confirm: true });
    const early = { http: 409, code: 'not_awaiting_confirmation' };
    expect(await confirm(pending.id, 'flo')).toMatchObject(early);
    await visit(await world.sandbox.consent(pending.authorization_url, { cancel: true }));
    expect(await confirm(pending.id, 'flo')).toMatchObject(early);
    expect(await requestStatus(world, pending.id)).toMatchObject({ status: 'denied' });
  });

  it('are needed only where they were asked for: other requests refuse a confirmation', async () => {
    const { id } = await consented('gus', { confirm: false });
    for (const user of ['gus', 'eve']) {
      expect(await confirm(id, user)).toMatchObject({ http: 409 });
    }
    expect((await world.read('gus')).status).toBe(200);
  });

  it('are 404 when unknown, 400 when malformed, 403 without authorizations:write', async () => {
    expect(await confirm(randomUUID(), 'hal')).toMatchObject({ http: 404, code: 'not_found' });
    expect(await confirm('x', 'hal')).toMatchObject({ http: 400 });
    const { id } = await consented('hal');
    expect(await confirm(id, '')).toMatchObject({ http: 400 });
    const key = await createClient(world.database.url, ['tokens:read', 'tokens:write']);
    const answer = await world.vault.request(`/authorization-requests/${id}/confirm`, {
      key,
      method: 'POST',
      body: JSON.stringify({ user_id: 'hal' }),
    });
    expect(answer.status).toBe(403);
    expect(await grantLife(world, 'hal', 'stitch-money')).toMatchObject({
      status: 'awaiting_confirmation',
    });
  });

  it('work for stitch-connect as well: a mismatch discards its grant', async () => {
    for (const [asked, came, expected] of [
      ['ivy', 'ivy', 200],
      ['jon', 'eve', 404],
    ] as const) {
      const browser = new CookieBrowser();
      const begun = await world.beginConnect({ user_id: asked, confirm: true });
      await browser.open(await world.consent(browser, begun.authorization_url));
      expect((await world.readConnect(asked)).status).toBe(404);
      await confirm(begun.id, came);
      expect((await world.readConnect(asked)).status).toBe(expected);
    }
  });
});
