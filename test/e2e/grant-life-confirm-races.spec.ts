import { createConfirmWorld } from '../support/confirm-world.js';
import type { ConfirmWorld } from '../support/confirm-world.js';
import { loseAnswer } from '../support/lost-answer.js';
import { begin, requestStatus, visit } from '../support/requests.js';

const REFUSED = { http: 409, code: 'not_awaiting_confirmation' };

describe('links to be confirmed, when several things happen to one name', () => {
  let world: ConfirmWorld;
  beforeAll(async () => {
    world = await createConfirmWorld({ environment: { REFRESH_POLICY: 'on-demand' } });
  });
  afterEach(() => {
    world.sandbox.reset();
  });
  afterAll(() => world.close());

  const isLive = (token: { access_token: string }) => world.sandbox.isLive(token.access_token);
  const typesOf = async (user: string) => (await world.eventsOf(user)).map(({ type }) => type);
  /** Consents to `count` requests for one name; all browsers come back at once. */
  const consentedAtOnce = async (user: string, count: number) => {
    const begun = await Promise.all(
      Array.from({ length: count }, () => begin(world, { user_id: user, confirm: true })),
    );
    const urls = await Promise.all(
      begun.map((each) => world.sandbox.consent(each.authorization_url)),
    );
    const answers = await Promise.all(urls.map((url) => visit(url)));
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    return begun.map(({ id }) => id);
  };

  it('keep each consent until its own request is confirmed; the last confirmed is the grant', async () => {
    await world.link('ann');
    const before = await world.token('ann');
    const [first, second, third] = await consentedAtOnce('ann', 3);
    expect((await world.aside('ann')).sort()).toEqual([first, second, third].sort());
    expect((await world.confirm(second!, 'ann')).http).toBe(200);
    const between = await world.token('ann');
    expect((await world.confirm(third!, 'eve')).http).toBe(409);
    expect(isLive(between)).toBe(true);
    expect((await world.confirm(first!, 'ann', 1)).http).toBe(200);
    const now = await world.token('ann', 1);
    expect([between.version, now.version]).toEqual([2, 3]);
    await world.revoked();
    expect([before, between, now].map(isLive)).toEqual([false, false, true]);
  });

  it('confirm one after the other when all are confirmed at once, on two replicas', async () => {
    await world.link('ben');
    const live = world.sandbox.stats.liveAccessTokens;
    const ids = await consentedAtOnce('ben', 6);
    const answers = await Promise.all(
      [...ids, ...ids].map((id, index) => world.confirm(id, 'ben', index % 2)),
    );
    expect(answers.map(({ http }) => http)).toEqual(answers.map(() => 200));
    await world.revoked();
    expect(world.sandbox.stats.liveAccessTokens).toBe(live);
    const now = await world.token('ben');
    expect([now.version, isLive(now)]).toEqual([7, true]);
    expect(await typesOf('ben')).toEqual(Array.from({ length: 7 }, () => 'grant.linked'));
  });

  it('leave one to be confirmed where there was no grant: the others are refused and revoked', async () => {
    const live = world.sandbox.stats.liveAccessTokens;
    const ids = await consentedAtOnce('cas', 4);
    expect(await world.aside('cas')).toEqual([]);
    expect((await world.read('cas')).status).toBe(404);
    const answers = await Promise.all(ids.map((id, index) => world.confirm(id, 'cas', index % 2)));
    expect(answers.map(({ http }) => http).sort()).toEqual([200, 409, 409, 409]);
    for (const { http, code } of answers) if (http === 409) expect(code).toBe(REFUSED.code);
    await world.revoked();
    expect(world.sandbox.stats.liveAccessTokens).toBe(live + 1);
    expect(isLive(await world.token('cas'))).toBe(true);
  });

  it('end one way when the right user and a wrong one confirm at once', async () => {
    for (const user of ['dee', 'eli', 'flo']) {
      await world.link(user);
      const before = await world.token(user);
      const { id } = await world.consented(user);
      const users = Array.from({ length: 8 }, (_, index) => (index % 2 ? user : 'eve'));
      const answers = await Promise.all(
        users.map((each, index) => world.confirm(id, each, (index >> 1) % 2)),
      );
      const mine = new Set(answers.filter((_, index) => index % 2).map(({ http }) => http));
      expect(mine.size).toBe(1);
      await world.revoked();
      expect(isLive(before)).toBe(!mine.has(200));
      expect((await requestStatus(world, id)).status).toBe(mine.has(200) ? 'completed' : 'failed');
    }
  });

  it('are discarded and revoked when the name is deleted, also while they are confirmed', async () => {
    const live = world.sandbox.stats.liveAccessTokens;
    await world.link('gus');
    const { id } = await world.consented('gus');
    expect((await world.deleteGrant('gus', 1)).status).toBe(204);
    expect(await world.aside('gus')).toEqual([]);
    expect(await world.confirm(id, 'gus')).toMatchObject(REFUSED);
    for (const user of ['hal', 'ida', 'jo', 'kim']) {
      await world.link(user);
      const begun = await world.consented(user);
      // With nothing else of that name a confirmation makes a row that a deletion can't have seen.
      if (user > 'i') {
        await world.database.query('DELETE FROM stitch_grants WHERE user_id = $1', [user]);
      }
      const [confirmed, deleted] = await Promise.all([
        world.confirm(begun.id, user),
        world.deleteGrant(user, 1),
      ]);
      expect([200, 409]).toContain(confirmed.http);
      expect(deleted.status).toBe(204);
      const rows = await world.database.query('SELECT 1 FROM stitch_grants WHERE user_id = $1', [
        user,
      ]);
      expect([user, rows, await world.aside(user)]).toEqual([user, [], []]);
    }
    await world.revoked();
    // What was deleted by SQL is not revoked: three of them.
    expect(world.sandbox.stats.liveAccessTokens).toBe(live + 3);
  });

  it('are confirmed once when the answer of the commit is lost', async () => {
    await world.link('lee');
    const { id } = await world.consented('lee');
    const lost = loseAnswer(world.vault, 'stitch_unconfirmed_grants');
    expect(await world.confirm(id, 'lee')).toMatchObject({
      http: 503,
      code: 'storage_unavailable',
    });
    await lost;
    expect((await world.confirm(id, 'lee')).http).toBe(200);
    const now = await world.token('lee');
    await world.revoked();
    expect([now.version, isLive(now)]).toEqual([2, true]);
    expect(await typesOf('lee')).toEqual(['grant.linked', 'grant.linked']);
  });

  it.each([
    ['kept', () => Promise.resolve(), 'awaiting_confirmation', 1],
    ['confirmed', (id: string) => world.confirm(id, 'confirmed', 1), 'completed', 2],
    ['discarded', (id: string) => world.confirm(id, 'eve', 1), 'failed', 1],
  ] as const)(
    'stay %s when the callback tries again after a commit whose answer was lost',
    async (user, meanwhile, status, version) => {
      await world.link(user);
      const live = world.sandbox.stats.liveAccessTokens;
      const { id, authorization_url } = await begin(world, { user_id: user, confirm: true });
      const lost = loseAnswer(world.vault, 'stitch_unconfirmed_grants', () => meanwhile(id));
      const callback = await visit(await world.sandbox.consent(authorization_url));
      await lost;
      expect(callback.status).toBe(200);
      expect((await requestStatus(world, id)).status).toBe(status);
      expect(await world.aside(user)).toEqual(status === 'awaiting_confirmation' ? [id] : []);
      await world.revoked();
      const now = await world.token(user, 1);
      expect([now.version, isLive(now)]).toEqual([version, true]);
      const left = status === 'awaiting_confirmation' ? live + 1 : live;
      expect(world.sandbox.stats.liveAccessTokens).toBe(left);
    },
  );
});
