import { grantLife } from '../support/connect-world.js';
import { begin, visit } from '../support/requests.js';
import { createClient } from '../support/vault.js';
import { eventually } from '../support/wait.js';
import { createWorld } from '../support/world.js';
import type { TokenAnswer, World } from '../support/world.js';

describe('reports that the API refused a token', () => {
  let world: World;
  beforeAll(async () => {
    world = await createWorld({ replicas: 2, environment: { REFRESH_POLICY: 'on-demand' } });
  });
  afterEach(() => {
    world.sandbox.reset();
  });
  afterAll(() => world.close());

  const report = (user: string, version: unknown, replica = 0, key = world.key) =>
    (world.vaults[replica] ?? world.vault).request(`/tokens/${user}/rejections`, {
      key,
      method: 'POST',
      body: JSON.stringify({ version }),
    });
  const token = async (user: string, replica = 0) => {
    const answer = await world.read(user, '', replica);
    expect(answer.status).toBe(200);
    return (await answer.json()) as TokenAnswer;
  };
  /** Links a user and has both replicas hold the token. */
  const linked = async (user: string) => {
    await world.link(user);
    await token(user, 1);
    return token(user);
  };

  it('of 20 callers on two replicas cause one provider call, and all get the new token', async () => {
    const old = await linked('ann');
    world.sandbox.switches.latencyMs = 100;
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) => report('ann', 1, index % 2)),
    );
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    const tokens = (await Promise.all(answers.map((each) => each.json()))) as TokenAnswer[];
    expect(new Set(tokens.map(({ access_token }) => access_token)).size).toBe(1);
    expect(tokens[0]).toMatchObject({ version: 2, token_type: 'Bearer' });
    expect(tokens[0]!.access_token).not.toBe(old.access_token);
    expect(world.sandbox.isLive(tokens[0]!.access_token)).toBe(true);
    expect(answers[0]!.headers.get('cache-control')).toBe('no-store');
    // Those who come late report a version that has been replaced.
    expect((await report('ann', 1, 1)).status).toBe(200);
    expect(world.sandbox.stats).toMatchObject({ refreshCalls: 1, maxPresentations: 1 });
  });

  it('of a version that is not the current one change nothing: old, or never issued', async () => {
    await linked('ben');
    await report('ben', 1);
    const row = () =>
      world.database.query(`SELECT * FROM stitch_grants WHERE user_id = 'ben'`).then(([one]) => ({
        ...one,
        last_read_at: null,
      }));
    const before = await row();
    for (const [index, version] of [1, 3, Number.MAX_SAFE_INTEGER].entries()) {
      const answer = await report('ben', version, index % 2);
      expect(answer.status).toBe(200);
      expect(await answer.json()).toMatchObject({ version: 2 });
    }
    expect(await row()).toEqual(before);
    expect(world.sandbox.stats.refreshCalls).toBe(1);
  });

  it('keep a token from being served on every replica, even while the provider is down', async () => {
    const old = await linked('cas');
    world.sandbox.switches.down = true;
    const first = await report('cas', 1);
    expect([first.status, ((await first.json()) as { code: string }).code]).toEqual([
      503,
      'provider_unavailable',
    ]);
    expect(Number(first.headers.get('retry-after'))).toBeGreaterThan(0);
    await eventually(
      'the other replica serves it no more',
      async () => (await world.read('cas', '', 1)).status === 503,
      1000,
    );
    for (const replica of [0, 1, 0, 1]) {
      expect((await world.read('cas', '?min_ttl=0', replica)).status).toBe(503);
    }
    expect((await report('cas', 1, 1)).status).toBe(503);
    world.sandbox.switches.down = false;
    for (const replica of [0, 1]) {
      const fresh = await eventually(`replica ${String(replica)} serves again`, async () => {
        const answer = await world.read('cas', '', replica);
        return answer.status === 200 && ((await answer.json()) as TokenAnswer);
      });
      expect(fresh.access_token).not.toBe(old.access_token);
      expect(world.sandbox.isLive(fresh.access_token)).toBe(true);
    }
    expect(world.sandbox.stats).toMatchObject({ rotations: 1, reuseEvents: 0 });
  });

  it('end in grant_revoked when the user has withdrawn the consent at the bank', async () => {
    const { access_token } = await linked('dee');
    world.sandbox.revokeGrantOf(access_token);
    const revoked = { status: 409, code: 'reauthorization_required', reason: 'grant_revoked' };
    expect(await (await report('dee', 1)).json()).toMatchObject(revoked);
    for (const replica of [0, 1]) {
      await eventually(`replica ${String(replica)} knows`, async () => {
        const answer = await world.read('dee', '', replica);
        return answer.status === 409 && ((await answer.json()) as { reason: string });
      });
      expect(await (await report('dee', 1, replica)).json()).toMatchObject(revoked);
    }
    expect(await grantLife(world, 'dee', 'stitch-money')).toMatchObject({
      ...{ status: 'reauthorization_required', reason: 'grant_revoked', due_in: null },
      last_error: 'invalid_grant',
    });
    expect(world.sandbox.stats.refreshCalls).toBe(1);
  });

  it('of an earlier consent do not touch the token of a new one', async () => {
    await linked('eli');
    await report('eli', 1);
    await world.link('eli');
    const now = await (await report('eli', 2, 1)).json();
    expect(now).toMatchObject({ version: 3 });
    expect(world.sandbox.stats.refreshCalls).toBe(1);
  });

  it('are 404 without a readable grant: no such user, or one still to be confirmed', async () => {
    expect((await report('nobody', 1)).status).toBe(404);
    const begun = await begin(world, { user_id: 'flo', confirm: true });
    await visit(await world.sandbox.consent(begun.authorization_url));
    expect((await report('flo', 1)).status).toBe(404);
    expect((await grantLife(world, 'flo', 'stitch-money')).rejected_version).toBeNull();
  });

  it('are refused without a version that can be one, and without tokens:reject', async () => {
    await linked('gus');
    for (const version of [undefined, null, 0, -1, 1.5, '1', 2 ** 53, [1]]) {
      const answer = await report('gus', version);
      expect(answer.status).toBe(400);
      expect(await answer.json()).toMatchObject({ errors: { version: expect.any(Array) } });
    }
    // A key that may read may not have tokens rotated at will.
    const writer = await createClient(world.database.url, ['tokens:write', 'tokens:read']);
    expect((await report('gus', 1, 0, writer)).status).toBe(403);
    const reader = await createClient(world.database.url, ['tokens:reject']);
    expect((await report('gus', 1, 0, reader)).status).toBe(200);
    expect(world.sandbox.stats.refreshCalls).toBe(1);
  });
});
