import { createConnectWorld } from '../support/connect-world.js';
import type { ConnectWorld } from '../support/connect-world.js';
import { begin, requestStatus, visit } from '../support/requests.js';
import { createClient } from '../support/vault.js';
import { eventually } from '../support/wait.js';
import { runCli } from '../integration/programs.js';

describe('all of a user', () => {
  let world: ConnectWorld;
  beforeAll(async () => {
    world = await createConnectWorld({ environment: { REFRESH_POLICY: 'on-demand' } });
  });
  afterAll(() => world.close());

  const request = (method: string, path: string, key = world.key) =>
    world.vault.request(path, { key, method });
  const erase = (user: string, key?: string) => request('DELETE', `/users/${user}`, key);
  const listed = async (user: string, key?: string) => {
    const answer = await request('GET', `/users/${user}/grants`, key);
    expect(answer.status).toBe(200);
    return ((await answer.json()) as { items: Record<string, unknown>[] }).items;
  };
  const rowsOf = (user: string) =>
    world.database.query(
      `SELECT 1 FROM stitch_grants WHERE user_id = $1
       UNION ALL SELECT 1 FROM stitch_unconfirmed_grants WHERE user_id = $1`,
      [user],
    );
  const revoked = () =>
    eventually('everything is revoked', async () => {
      const rows = await world.database.query('SELECT 1 FROM stitch_revocations');
      return rows.length === 0;
    });
  /** A consent that waits for its confirmation. */
  const unconfirmed = async (user: string) => {
    const begun = await begin(world, { user_id: user, confirm: true });
    await visit(await world.sandbox.consent(begun.authorization_url));
    expect(await requestStatus(world, begun.id)).toMatchObject({ status: 'awaiting_confirmation' });
    return begun.id;
  };

  it('is what a product shows its customer: every link, no token, nothing unconfirmed', async () => {
    await world.link('ann');
    await world.link('ann', { connection: 'savings', untick: ['offline_access'] });
    await world.linkConnect('ann');
    await unconfirmed('bea');
    expect(await listed('ann')).toEqual([
      {
        ...{ provider: 'stitch-connect', connection: 'default', status: 'active', reason: null },
        ...{ scope: '', expires_at: null, obtained_at: expect.any(String) },
      },
      ...['default', 'savings'].map((connection) => ({
        ...{ provider: 'stitch-money', connection, status: 'active', reason: null },
        scope: expect.stringContaining('openid accounts'),
        ...{ expires_at: expect.any(String), obtained_at: expect.any(String) },
      })),
    ]);
    expect(await listed('bea')).toEqual([]);
    expect(await listed('nobody')).toEqual([]);
  });

  it('is forgotten: every provider and connection, on every replica, and revoked', async () => {
    await world.link('cas');
    await world.link('cas', { connection: 'savings' });
    await world.linkConnect('cas');
    await world.link('casper');
    const waiting = await unconfirmed('cas');
    const open = await begin(world, { user_id: 'cas', connection: 'third' });
    const done = await world.database.query<{ id: string }>(
      `SELECT id FROM stitch_authorization_requests WHERE user_id = 'cas' AND status = 'completed'`,
    );
    const { access_token } = (await (await world.read('cas', '', 1)).json()) as {
      access_token: string;
    };
    const answer = await erase('cas');
    expect([answer.status, await answer.text()]).toEqual([204, '']);
    expect(await rowsOf('cas')).toEqual([]);
    for (const query of ['', '?connection=savings', '?provider=stitch-connect']) {
      expect((await world.read('cas', query)).status).toBe(404);
    }
    await eventually('the other replica answers 404', async () => {
      return (await world.read('cas', '', 1)).status === 404;
    });
    for (const id of [waiting, open.id]) {
      expect(await requestStatus(world, id)).toMatchObject({ status: 'failed', error: 'deleted' });
    }
    // What had ended well stays as it ended.
    for (const { id } of done) {
      expect(await requestStatus(world, id)).toMatchObject({ status: 'completed' });
    }
    // A consent that arrives afterwards finds nobody waiting, and a confirmation nothing.
    const late = await visit(await world.sandbox.consent(open.authorization_url));
    expect(late.status).toBe(400);
    const confirmed = await world.post(`/authorization-requests/${waiting}/confirm`, {
      user_id: 'cas',
    });
    expect(confirmed.status).toBe(409);
    expect(await rowsOf('cas')).toEqual([]);
    await revoked();
    expect(world.sandbox.isLive(access_token)).toBe(false);
    // A user whose id begins alike is another user.
    expect(await listed('casper')).toHaveLength(1);
  });

  it('may be nobody, and may be forgotten twice at once', async () => {
    expect((await erase('nobody')).status).toBe(204);
    for (const connection of ['one', 'two', 'three']) await world.link('dan', { connection });
    const answers = await Promise.all([0, 1, 2, 3].map(() => erase('dan')));
    expect(answers.map(({ status }) => status)).toEqual([204, 204, 204, 204]);
    expect(await rowsOf('dan')).toEqual([]);
  });

  it('leaves nothing of a confirmation or a consent that is under way', async () => {
    for (let round = 0; round < 5; round += 1) {
      const waiting = await unconfirmed('eva');
      const open = await begin(world, { user_id: 'eva', connection: 'other' });
      const callback = await world.sandbox.consent(open.authorization_url);
      const confirming = world.post(`/authorization-requests/${waiting}/confirm`, {
        user_id: 'eva',
      });
      const [, , gone] = await Promise.all([confirming, visit(callback), erase('eva')]);
      expect(gone.status).toBe(204);
      const { status, error } = await requestStatus(world, open.id);
      // The consent was stored before and deleted, or was not stored at all.
      expect([
        ['completed', null],
        ['failed', 'deleted'],
      ]).toContainEqual([status, error]);
      expect(await rowsOf('eva')).toEqual([]);
    }
  });

  it('is kept from clients that are restricted to others', async () => {
    await world.link('f-flo');
    await world.linkConnect('f-flo');
    const { url } = world.database;
    const scopes = ['tokens:read', 'tokens:write'] as const;
    const connectOnly = await createClient(url, scopes, { providers: ['stitch-connect'] });
    const prefixed = await createClient(url, scopes, { userPrefixes: ['g-'] });
    expect(await listed('f-flo', connectOnly)).toMatchObject([{ provider: 'stitch-connect' }]);
    expect((await request('GET', '/users/f-flo/grants', prefixed)).status).toBe(403);
    expect((await erase('f-flo', connectOnly)).status).toBe(403);
    expect((await erase('f-flo', prefixed)).status).toBe(403);
    expect(await listed('f-flo')).toHaveLength(2);
    expect((await erase('g-gus', prefixed)).status).toBe(204);
  });

  it('is erased by the command, too', async () => {
    await world.link('hal');
    await begin(world, { user_id: 'hal', connection: 'open' });
    const environment = { DATABASE_URL: world.database.url };
    const erased = await runCli(['users', 'erase', 'hal', '--json'], environment);
    expect({ ...erased, stdout: JSON.parse(erased.stdout) as unknown }).toEqual({
      ...{ code: 0, stderr: '' },
      stdout: { user_id: 'hal', grants: 1, authorization_requests: 1 },
    });
    expect(await rowsOf('hal')).toEqual([]);
    expect((await runCli(['users', 'erase', 'nobody'], environment)).code).toBe(0);
    expect((await runCli(['users', 'erase'], environment)).code).toBe(2);
  });
});
