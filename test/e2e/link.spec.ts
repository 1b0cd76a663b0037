import { ageGrant, droppedEverywhere } from '../support/grants.js';
import { begin, postRequest, requestStatus, visit } from '../support/requests.js';
import { eventually } from '../support/wait.js';
import { createWorld } from '../support/world.js';
import type { TokenAnswer, World } from '../support/world.js';

const APP = 'https://app.example.com';

describe('linking: what a consent brings is what is stored and served', () => {
  let world: World;
  beforeAll(async () => {
    world = await createWorld({
      replicas: 2,
      environment: {
        REFRESH_POLICY: 'on-demand',
        REFRESH_INTERVAL: '1',
        RETURN_URL_ALLOWLIST: `${APP},http://127.0.0.1:9`,
      },
    });
  });
  afterAll(() => world.close());

  const token = async (user: string, query = '', replica = 0) =>
    (await (await world.read(user, query, replica)).json()) as TokenAnswer;

  it('tells how the request fares: pending, then completed', async () => {
    const begun = await begin(world, { user_id: 'ann' });
    expect(await requestStatus(world, begun.id)).toEqual({
      ...{ id: begun.id, user_id: 'ann', provider: 'stitch-money', connection: 'default' },
      ...{ status: 'pending', completed_at: null, error: null, refreshable: null },
      created_at: expect.stringMatching(/Z$/),
      expires_at: begun.expires_at,
    });
    const left = Date.parse(begun.expires_at) - Date.now();
    expect(left).toBeGreaterThan(595_000);
    expect(left).toBeLessThanOrEqual(601_000);
    expect(new URL(begun.authorization_url).searchParams.get('state')).not.toBe(begun.id);
    const callback = await visit(await world.sandbox.consent(begun.authorization_url));
    expect(callback.status).toBe(200);
    expect(callback.headers.get('content-type')).toBe('text/html; charset=utf-8');
    const ended = await requestStatus(world, begun.id);
    expect(ended).toMatchObject({ status: 'completed', error: null });
    expect(Date.parse(ended.completed_at ?? '')).toBeGreaterThanOrEqual(
      Date.parse(ended.created_at),
    );
  });

  it('says when another person takes the name of a grant, and only then', async () => {
    const told = () =>
      world.vault.logs
        .map((line) => JSON.parse(line) as Record<string, unknown>)
        .filter((line) => line.event === 'grant.another_subject');
    await world.link('amy', { customer: 'amy' });
    await world.link('amy', { customer: 'amy' });
    expect(told()).toEqual([]);
    expect((await world.link('amy', { customer: 'mallory' })).status).toBe(200);
    expect(told()).toEqual([
      expect.objectContaining({ user_id: 'amy', provider: 'stitch-money', connection: 'default' }),
    ]);
    expect(JSON.stringify(told())).not.toContain('mallory');
    expect((await world.read('amy')).status).toBe(200);
  });

  it('stores the scopes that were granted, not those that were asked for', async () => {
    await world.link('ben', { untick: ['accounts'] });
    const { scope } = await token('ben');
    expect(scope.split(' ')).toEqual(['openid', 'balances', 'transactions', 'offline_access']);
    expect((await world.read('ben', '?scope=accounts')).status).toBe(403);
    const [row] = await world.database.query<{ scope: string }>(
      `SELECT scope FROM stitch_grants WHERE user_id = 'ben'`,
    );
    expect(row?.scope).toBe(scope);
  });

  it('keeps a grant without offline_access until it expires, then asks for the user', async () => {
    await world.link('cas', { untick: ['offline_access'] });
    const select = `SELECT status, reason, refresh_token FROM stitch_grants WHERE user_id = 'cas'`;
    const [row] = await world.database.query(select);
    expect(row).toEqual({ status: 'active', reason: null, refresh_token: null });
    await ageGrant(world, 'cas', 890);
    // Less than MIN_TTL is left, and nothing can be done about it.
    const served = await token('cas');
    expect(served.expires_in).toBeLessThanOrEqual(10);
    expect(world.sandbox.isLive(served.access_token)).toBe(true);
    await ageGrant(world, 'cas', 10);
    await droppedEverywhere(world.vaults, 'cas');
    const dead = await world.read('cas');
    expect(dead.status).toBe(409);
    expect(await dead.json()).toMatchObject({
      code: 'reauthorization_required',
      reason: 'no_refresh_token',
    });
    const noted = await eventually('the row says so too', async () => {
      const [now] = await world.database.query<{ status: string }>(select);
      return now?.status !== 'active' && now;
    });
    expect(noted).toMatchObject({ status: 'reauthorization_required', reason: 'no_refresh_token' });
    expect((await world.read('cas', '', 1)).status).toBe(409);
    expect(world.sandbox.stats.refreshCalls).toBe(0);
  });

  it('keeps several connections of one user apart', async () => {
    await world.link('dee', { connection: 'cheque', bank: 'absa' });
    await world.link('dee', { connection: 'savings', untick: ['balances'] });
    const cheque = await token('dee', '?connection=cheque');
    const savings = await token('dee', '?connection=savings', 1);
    expect(cheque.access_token).not.toBe(savings.access_token);
    expect([cheque.connection, savings.connection]).toEqual(['cheque', 'savings']);
    expect(cheque.scope).toContain('balances');
    expect(savings.scope).not.toContain('balances');
    expect((await world.read('dee')).status).toBe(404);
  });

  it('replaces a grant that is linked anew, on every replica at once', async () => {
    await world.link('eli');
    const old = [await token('eli', '', 0), await token('eli', '', 1)];
    expect(old.map(({ version }) => version)).toEqual([1, 1]);
    await world.link('eli', { untick: ['accounts'] });
    for (const replica of [0, 1]) {
      const now = await eventually(
        `replica ${String(replica)} serves the new token`,
        async () => {
          const read = await token('eli', '', replica);
          return read.version === 2 && read;
        },
        1000,
      );
      expect(now.access_token).not.toBe(old[0]!.access_token);
      expect(now.scope).not.toContain('accounts');
    }
  });

  describe('return_to', () => {
    const returned = async (returnTo: string, end: (url: string) => Promise<string>) => {
      const begun = await begin(world, { user_id: 'flo', return_to: returnTo });
      const callback = await visit(await end(begun.authorization_url));
      expect(callback.status).toBe(303);
      expect(callback.headers.get('referrer-policy')).toBe('no-referrer');
      return { id: begun.id, location: new URL(callback.headers.get('location') ?? '') };
    };

    it('leads back with the request and its status, beside what the URL had', async () => {
      const { id, location } = await returned(`${APP}/linked?tab=2#top`, (url) =>
        world.sandbox.consent(url),
      );
      expect(location.origin + location.pathname + location.hash).toBe(`${APP}/linked#top`);
      expect(Object.fromEntries(location.searchParams)).toEqual({
        tab: '2',
        authorization_request: id,
        status: 'completed',
      });
    });

    it('leads back when the user declined, and when the link failed', async () => {
      const denied = await returned(APP, (url) => world.sandbox.consent(url, { cancel: true }));
      expect(denied.location.searchParams.get('status')).toBe('denied');
      const failed = await returned(`${APP}/x?state=fine`, async (url) => {
        const callback = new URL(await world.sandbox.consent(url));
        callback.searchParams.set('code', 'A'.repeat(43));
        return callback.href;
      });
      expect(failed.location.searchParams.get('state')).toBe('fine');
      expect(failed.location.searchParams.getAll('status')).toEqual(['failed']);
      expect((await requestStatus(world, failed.id)).error).toBe('invalid_grant');
    });

    it.each([
      ['another origin', 'https://evil.example.com/'],
      ['the scheme downgraded', 'http://app.example.com/'],
      ['another port', `${APP}:8443/`],
      ['credentials in front', 'https://me:pw@app.example.com/'],
      ['the name as a prefix', `${APP}.evil.example/`],
      ['a script', 'javascript:alert(1)'],
      ['no scheme', '//app.example.com/'],
      ['no URL', 'linked'],
    ])('is refused with %s', async (_, returnTo) => {
      const answer = await postRequest(world, { user_id: 'gus', return_to: returnTo });
      expect(answer.status).toBe(400);
      expect(await answer.json()).toMatchObject({
        code: 'invalid_request',
        errors: { return_to: [expect.any(String)] },
      });
    });
  });
});
