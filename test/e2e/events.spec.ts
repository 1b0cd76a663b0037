import { eventPage } from '../support/events.js';
import { begin, postRequest } from '../support/requests.js';
import { eventually } from '../support/wait.js';
import { createWorld } from '../support/world.js';
import type { TokenAnswer, World } from '../support/world.js';

const SCOPES = ['openid', 'accounts', 'balances', 'transactions', 'offline_access'];

describe('events', () => {
  let world: World;
  beforeAll(async () => {
    world = await createWorld({
      replicas: 2,
      environment: { REFRESH_INTERVAL: '1', GRANT_EXPIRING_DAYS: '0' },
    });
  });
  beforeEach(() => {
    world.sandbox.reset();
  });
  afterAll(() => world.close());

  const page = (query: string) => eventPage(world, query);
  const eventsOf = async (userId: string) =>
    (await page('?limit=500')).items.filter(({ user_id }) => user_id === userId);
  const typesOf = async (userId: string) => (await eventsOf(userId)).map(({ type }) => type);
  const reject = (userId: string, version: number, replica = 0) =>
    (world.vaults[replica] ?? world.vault).request(`/tokens/${userId}/rejections`, {
      key: world.key,
      method: 'POST',
      body: JSON.stringify({ version }),
    });
  const remove = (userId: string) =>
    world.vault.request(`/tokens/${userId}`, { key: world.key, method: 'DELETE' });
  const linkConfirmed = async (userId: string) => {
    const begun = await begin(world, { user_id: userId, confirm: true });
    await fetch(await world.sandbox.consent(begun.authorization_url));
    return begun.id;
  };
  const confirm = (id: string, userId: string) =>
    world.vault.request(`/authorization-requests/${id}/confirm`, {
      key: world.key,
      method: 'POST',
      body: JSON.stringify({ user_id: userId }),
    });

  it('say once that a grant was linked, and from which request', async () => {
    await world.link('ann', { connection: 'savings' });
    const [request] = await world.database.query<{ id: string }>(
      `SELECT id FROM stitch_authorization_requests WHERE user_id = 'ann'`,
    );
    const events = await eventsOf('ann');
    expect(events).toEqual([
      {
        id: expect.stringMatching(/^[0-9a-f-]{36}$/),
        type: 'grant.linked',
        created_at: expect.stringMatching(/Z$/),
        provider: 'stitch-money',
        user_id: 'ann',
        connection: 'savings',
        data: {
          provider: 'stitch-money',
          user_id: 'ann',
          connection: 'savings',
          scopes: SCOPES,
          authorization_request: request?.id,
        },
      },
    ]);
  });

  it('do not speak of a grant that awaits confirmation, only of the confirmed one', async () => {
    const id = await linkConfirmed('bob');
    expect(await typesOf('bob')).toEqual([]);
    expect((await confirm(id, 'bob')).status).toBe(200);
    expect((await confirm(id, 'bob')).status).toBe(200);
    expect(await typesOf('bob')).toEqual(['grant.linked']);
    const discarded = await linkConfirmed('carl');
    expect((await confirm(discarded, 'eve')).status).toBe(409);
    expect(await typesOf('carl')).toEqual([]);
  });

  it('speak of a new consent beside a grant that works when it is confirmed, and not before', async () => {
    await world.link('dora');
    const discarded = await linkConfirmed('dora');
    const id = await linkConfirmed('dora');
    await confirm(discarded, 'eve');
    expect(await typesOf('dora')).toEqual(['grant.linked']);
    await confirm(id, 'dora');
    await confirm(id, 'dora');
    const events = await eventsOf('dora');
    expect(events.map(({ type }) => type)).toEqual(['grant.linked', 'grant.linked']);
    expect(events[1]?.data).toMatchObject({ authorization_request: id });
  });

  it('tell of a relink and of a deletion, each once', async () => {
    await world.link('ed');
    await world.link('ed');
    await Promise.all([remove('ed'), remove('ed')]);
    await remove('ed');
    expect(await typesOf('ed')).toEqual(['grant.linked', 'grant.linked', 'grant.deleted']);
  });

  it('say nothing of rotations', async () => {
    await world.link('fay');
    expect((await reject('fay', 1)).status).toBe(200);
    expect((await reject('fay', 2, 1)).status).toBe(200);
    expect(await typesOf('fay')).toEqual(['grant.linked']);
  });

  it('tell of a loss once, however many callers run into it, with what a new consent needs', async () => {
    await world.link('gil');
    const { access_token } = (await (await world.read('gil')).json()) as TokenAnswer;
    world.sandbox.revokeGrantOf(access_token);
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, index) => reject('gil', 1, index % 2)),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 50 }, () => 409));
    const events = await eventsOf('gil');
    expect(events.map(({ type }) => type)).toEqual([
      'grant.linked',
      'grant.reauthorization_required',
    ]);
    const { reason, ...wish } = events[1]?.data ?? {};
    expect(reason).toBe('grant_revoked');
    // As it stands it is the body of a new request; and the consent ends the loss.
    expect(wish).toEqual({
      provider: 'stitch-money',
      user_id: 'gil',
      connection: 'default',
      scopes: SCOPES,
    });
    expect((await postRequest(world, wish)).status).toBe(201);
    await world.link('gil');
    expect((await typesOf('gil')).at(-1)).toBe('grant.linked');
    expect(await typesOf('gil')).toHaveLength(3);
  });

  it('tell of a lost rotation, and of the second loss after a new consent', async () => {
    for (const losses of [1, 2]) {
      await world.link('hal');
      const { version } = (await (await world.read('hal')).json()) as TokenAnswer;
      Object.assign(world.sandbox.switches, { tokenFault: 'drop_after', faultCount: 1 });
      await reject('hal', version);
      const lost = await eventually('the rotation is known to be lost', async () => {
        const found = (await eventsOf('hal')).filter(
          ({ type }) => type === 'grant.reauthorization_required',
        );
        return found.length === losses && found;
      });
      expect(lost.at(-1)?.data.reason).toBe('rotation_lost');
    }
  });

  it('tell of a suspension and of its end, also when an operator brings it about', async () => {
    await world.link('ida', { untick: ['offline_access'] });
    expect((await reject('ida', 1)).status).toBe(409);
    await reject('ida', 1, 1);
    await world.database.query(
      `UPDATE stitch_grants SET status = 'active', reason = NULL WHERE user_id = 'ida'`,
    );
    await world.database.query(`DELETE FROM stitch_grants WHERE user_id = 'ida'`);
    const events = await eventsOf('ida');
    expect(events.map(({ type }) => type)).toEqual([
      'grant.linked',
      'grant.suspended',
      'grant.reinstated',
      'grant.deleted',
    ]);
    expect(events[1]?.data).toMatchObject({ reason: 'suspended' });
  });

  it('tell once of a token that ends and cannot be refreshed', async () => {
    await world.link('jo', { untick: ['offline_access'] });
    await world.database.query(
      `UPDATE stitch_grants SET expires_at = now() - interval '1 second',
         refresh_due_at = now() - interval '1 second' WHERE user_id = 'jo'`,
    );
    for (const replica of [0, 1]) expect((await world.read('jo', '', replica)).status).toBe(409);
    const events = await eventually('it has ended', async () => {
      const found = await eventsOf('jo');
      return found.length > 1 && found;
    });
    expect(events[1]).toMatchObject({
      type: 'grant.reauthorization_required',
      data: { reason: 'no_refresh_token' },
    });
  });

  it('are not there when the change was rolled back', async () => {
    const count = async () => (await page('?limit=500')).items.length;
    const before = await count();
    await world.database.query(
      `DO $$ BEGIN
         BEGIN DELETE FROM stitch_grants; RAISE EXCEPTION 'no'; EXCEPTION WHEN OTHERS THEN END;
       END $$`,
    );
    expect(await count()).toBe(before);
  });
});
