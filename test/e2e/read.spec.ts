import { droppedEverywhere } from '../support/grants.js';
import { visit, begin } from '../support/requests.js';
import { eventually } from '../support/wait.js';
import { createWorld } from '../support/world.js';
import type { TokenAnswer, World } from '../support/world.js';

describe('reading a token', () => {
  let world: World;
  beforeAll(async () => {
    world = await createWorld({ replicas: 2, environment: { REFRESH_POLICY: 'on-demand' } });
  });
  afterEach(() => {
    world.sandbox.reset();
  });
  afterAll(() => world.close());

  const token = async (user: string, query = '', replica = 0) => {
    const answer = await world.read(user, query, replica);
    expect(answer.status).toBe(200);
    return (await answer.json()) as TokenAnswer;
  };
  const age = async (user: string, seconds: number) => {
    await world.age(user, seconds);
    await droppedEverywhere(world.vaults, user);
  };
  const problem = async (answer: Response) => {
    expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    return (await answer.json()) as Record<string, unknown>;
  };

  it('answers exactly what the contract names, and never a refresh token', async () => {
    await world.link('ann');
    const answer = await world.read('ann');
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
    expect(answer.headers.get('content-type')).toMatch(/^application\/json/);
    const body = await answer.text();
    expect(JSON.parse(body)).toEqual({
      access_token: expect.stringMatching(/^[\w-]{43}$/),
      token_type: 'Bearer',
      expires_in: expect.any(Number),
      expires_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/),
      scope: 'openid accounts balances transactions offline_access',
      provider: 'stitch-money',
      connection: 'default',
      version: 1,
    });
    const refreshTokens = world.sandbox.issued.filter(({ kind }) => kind === 'refresh_token');
    expect(refreshTokens).toHaveLength(1);
    expect(body).not.toContain(refreshTokens[0]!.value);
  });

  it('answers from memory with the same bytes and header fields as from the table', async () => {
    await world.link('abe');
    const first = await world.read('abe');
    const cold = await first.text();
    for (const query of ['', '', '?min_ttl=60&scope=accounts', '?min_ttl=60&scope=accounts']) {
      const again = await world.read('abe', query);
      expect(again.status).toBe(200);
      const { expires_in: left, ...rest } = (await again.json()) as TokenAnswer;
      const { expires_in: before, ...expected } = JSON.parse(cold) as TokenAnswer;
      expect(JSON.stringify(rest)).toBe(JSON.stringify(expected));
      expect(before - left).toBeLessThanOrEqual(2);
      const fields = (answer: Response) =>
        [...answer.headers].filter(([name]) => name !== 'date' && name !== 'content-length');
      expect(fields(again)).toEqual(fields(first));
    }
    // What the controller refuses is not answered because the path and another query were served.
    for (const query of ['?min_ttl=x', '?no=1', '?min_ttl=60&min_ttl=70']) {
      expect((await world.read('abe', query)).status).toBe(400);
    }
    expect((await world.read('abe', '?scope=nothing')).status).toBe(403);
    const metrics = await (await world.vault.request('/metrics', { key: world.key })).text();
    expect(metrics).toMatch(/stitch_vault_cache_reads_total\{result="hit"\} [1-9]/);
    expect(metrics).toMatch(
      /http_request_seconds_count\{route="\/tokens\/:user_id",status="200"\} [1-9]/,
    );
  });

  it('sends no answer again once its grant is deleted, suspended or refused on another replica', async () => {
    await world.link('art');
    const { version } = await token('art');
    await token('art', '', 1);
    const rejected = await world.vaults[1]!.request('/tokens/art/rejections', {
      key: world.key,
      method: 'POST',
      body: JSON.stringify({ version }),
    });
    expect(rejected.status).toBe(200);
    await droppedEverywhere(world.vaults.slice(0, 1), 'art');
    expect((await token('art')).version).toBe(version + 1);
    const deleted = await world.vaults[1]!.request('/tokens/art', {
      key: world.key,
      method: 'DELETE',
    });
    expect(deleted.status).toBe(204);
    await droppedEverywhere(world.vaults, 'art');
    for (const replica of [0, 1]) expect((await world.read('art', '', replica)).status).toBe(404);
  });

  it('refuses and notes a token that cannot be opened, held in memory or not', async () => {
    await world.link('ann');
    await world.database.query(
      `UPDATE stitch_grants SET access_token = set_byte(access_token, 40,
         get_byte(access_token, 40) # 1) WHERE user_id = 'ann'`,
    );
    await droppedEverywhere(world.vaults, 'ann');
    const codes = [];
    for (let read = 0; read < 2; read += 1) {
      const answer = await world.read('ann');
      expect(answer.status).toBe(500);
      codes.push(((await answer.json()) as { code: string }).code);
    }
    expect(codes).toEqual(['internal_error', 'internal_error']);
    await eventually('both are in the audit', async () => {
      const [row] = await world.database.query<{ reads: number | null }>(
        `SELECT sum(count)::int AS reads FROM audit_events
         WHERE user_id = 'ann' AND type = 'token.read' AND outcome = 'internal_error'`,
      );
      return row?.reads === 2;
    });
  });

  it('counts expires_at from the moment the provider was asked, linking and refreshing', async () => {
    const latency = 600;
    // Half a round trip to the database is what the vault may be wrong about its clock.
    const tolerance = 100;
    const expectBetween = (read: TokenAnswer, before: number, after: number) => {
      const asked = Date.parse(read.expires_at) - 900_000;
      expect(asked).toBeGreaterThanOrEqual(before - tolerance);
      expect(asked).toBeLessThanOrEqual(after - latency + tolerance);
      const left = (Date.parse(read.expires_at) - Date.now()) / 1000;
      expect(Math.abs(read.expires_in - left)).toBeLessThan(1.5);
      expect(Number.isInteger(read.expires_in)).toBe(true);
    };
    const { authorization_url } = await begin(world, { user_id: 'ben' });
    const callback = await world.sandbox.consent(authorization_url);
    world.sandbox.switches.latencyMs = latency;
    const linking = Date.now();
    expect((await visit(callback)).status).toBe(200);
    const linked = Date.now();
    expectBetween(await token('ben'), linking, linked);
    await age('ben', 890);
    const refreshing = Date.now();
    const refreshed = await token('ben');
    expect(refreshed.version).toBe(2);
    expectBetween(refreshed, refreshing, Date.now());
  });

  it('names every scope that the grant lacks', async () => {
    await world.link('eli', { untick: ['accounts', 'balances'] });
    expect((await world.read('eli', '?scope=openid%20transactions')).status).toBe(200);
    const answer = await world.read('eli', '?scope=accounts%20transactions+balances');
    expect(answer.status).toBe(403);
    expect(await problem(answer)).toEqual({
      type: expect.any(String),
      title: expect.any(String),
      detail: expect.any(String),
      status: 403,
      code: 'insufficient_scope',
      missing_scopes: ['accounts', 'balances'],
    });
  });

  it('tells unknown users, connections and providers apart by 404 and 400', async () => {
    await world.link('flo');
    for (const [user, query] of [
      ['nobody', ''],
      ['flo', '?connection=other'],
      ['Flo', ''],
    ] as const) {
      const answer = await world.read(user, query);
      expect(answer.status).toBe(404);
      expect(await problem(answer)).toMatchObject({ status: 404, code: 'token_not_found' });
    }
    for (const provider of ['no-such', 'stitch-connect']) {
      const answer = await world.read('flo', `?provider=${provider}`);
      expect(answer.status).toBe(400);
      expect(await problem(answer)).toMatchObject({
        code: 'invalid_request',
        errors: { provider: [expect.any(String)] },
      });
    }
  });

  it('serves a token still alive while the provider is down, and refuses a dead one', async () => {
    await world.link('gus');
    const { access_token } = await token('gus');
    await age('gus', 885);
    world.sandbox.switches.down = true;
    const alive = await token('gus', '?min_ttl=60');
    expect(alive).toMatchObject({ access_token, version: 1 });
    expect(alive.expires_in).toBeLessThanOrEqual(15);
    await age('gus', 15);
    for (const replica of [0, 1]) {
      const dead = await world.read('gus', '', replica);
      expect(dead.status).toBe(503);
      expect(Number(dead.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
      expect(await problem(dead)).toMatchObject({ code: 'provider_unavailable' });
    }
    world.sandbox.switches.down = false;
    const back = await eventually('it is served again once the provider is back', async () => {
      const answer = await world.read('gus', '', 1);
      return answer.status === 200 && ((await answer.json()) as TokenAnswer);
    });
    expect(back.access_token).not.toBe(access_token);
    expect(world.sandbox.isLive(back.access_token)).toBe(true);
  });

  it('answers 409 grant_revoked on every replica after invalid_grant', async () => {
    await world.link('hal');
    const { access_token } = await token('hal');
    expect(world.sandbox.revokeGrantOf(access_token)).toBe(true);
    await age('hal', 890);
    const calls = world.sandbox.stats.refreshCalls;
    for (const replica of [0, 1, 0]) {
      const answer = await world.read('hal', '', replica);
      expect(answer.status).toBe(409);
      expect(await problem(answer)).toMatchObject({
        code: 'reauthorization_required',
        reason: 'grant_revoked',
      });
    }
    expect(world.sandbox.stats.refreshCalls - calls).toBe(1);
  });

  it('serves a grant no more, on no replica, once its row is deleted', async () => {
    await world.link('ivy');
    for (const replica of [0, 1]) await token('ivy', '', replica);
    await world.database.query(`DELETE FROM stitch_grants WHERE user_id = 'ivy'`);
    for (const replica of [0, 1]) {
      await eventually(
        `replica ${String(replica)} answers 404`,
        async () => (await world.read('ivy', '', replica)).status === 404,
        1000,
      );
    }
  });
});
