import type { ConnectFault } from '../../sandbox/stitch-connect/switches.js';
import { createConnectWorld, grantLife } from '../support/connect-world.js';
import type { ConnectToken, ConnectWorld } from '../support/connect-world.js';
import { dumpDatabase } from '../support/dump.js';
import { findNeedles } from '../support/needles.js';
import { createClient, freePort, launchVault } from '../support/vault.js';

describe('ephemeral sessions at stitchdata.com', () => {
  let world: ConnectWorld;
  beforeAll(async () => {
    world = await createConnectWorld({ environment: { PROVIDER_TIMEOUT: '1' } });
  });
  afterEach(() => {
    world.connect.reset();
  });
  afterAll(() => world.close());

  const session = async (user: string, replica = 0) => {
    const answer = await world.post('/stitch-connect/sessions', { user_id: user }, replica);
    return { answer, body: (await answer.json()) as Record<string, unknown> };
  };
  const tokenOf = async (user: string) =>
    ((await (await world.readConnect(user)).json()) as ConnectToken).access_token;

  /** Asks for a session while the provider is in trouble, which must leave the grant alone. */
  const sessionMeeting = async (fault: ConnectFault, retryAfter: number | null = null) => {
    await world.linkConnect('dee');
    Object.assign(world.connect.switches, { fault, faultOn: 'sessions', retryAfter });
    const met = await session('dee');
    expect((await grantLife(world, 'dee')).status).toBe('active');
    expect((await world.readConnect('dee', 1)).status).toBe(200);
    return met;
  };

  it('brings a token that logs in once an hour long, a new one for every call', async () => {
    await world.linkConnect('ann');
    const seen = new Set<unknown>();
    for (const replica of [0, 1]) {
      const { answer, body } = await session('ann', replica);
      expect(answer.status).toBe(201);
      expect(answer.headers.get('cache-control')).toBe('no-store');
      expect(body).toEqual({ ephemeral_token: expect.any(String), expires_in: 3600 });
      expect(world.connect.isEphemeralLive(String(body.ephemeral_token))).toBe(true);
      seen.add(body.ephemeral_token);
    }
    expect(seen.size).toBe(2);
  });

  it('stores nothing: the grant stays as it was, and the token is nowhere to be found', async () => {
    await world.linkConnect('ben');
    const stored = () =>
      world.database.query(
        `SELECT to_jsonb(g) - 'last_read_at' AS grant FROM stitch_grants g WHERE user_id = 'ben'`,
      );
    const before = await stored();
    expect((await session('ben')).answer.status).toBe(201);
    expect(await stored()).toEqual(before);
    const needles = world.connect.issued.filter(({ kind }) => kind === 'ephemeral_token');
    expect(needles.length).toBeGreaterThan(0);
    const logs = { name: 'logs', text: world.vaults.flatMap((each) => each.logs).join('') };
    expect(findNeedles(needles, [...(await dumpDatabase(world.database)), logs])).toEqual([]);
  });

  it('suspends a token that Stitch answers 401 to, and asks with it no more', async () => {
    await world.linkConnect('cas');
    world.connect.revokeToken(await tokenOf('cas'));
    const refused = { status: 409, code: 'reauthorization_required', reason: 'suspended' };
    const first = await session('cas');
    expect(first.answer.status).toBe(409);
    expect(first.body).toMatchObject(refused);
    expect(await grantLife(world, 'cas')).toMatchObject({ status: 'suspended', version: 1 });
    const { sessionCalls } = world.connect.stats;
    expect((await session('cas')).body).toMatchObject(refused);
    expect(world.connect.stats.sessionCalls).toBe(sessionCalls);
    expect((await world.readConnect('cas')).status).toBe(409);
  });

  it('is 404 for a user who has not linked, and 403 for a key without sessions:write', async () => {
    expect((await session('nobody')).body).toMatchObject({ status: 404, code: 'token_not_found' });
    const key = await createClient(world.database.url, ['tokens:read', 'authorizations:write']);
    const answer = await world.vault.request('/stitch-connect/sessions', {
      key,
      method: 'POST',
      body: JSON.stringify({ user_id: 'ann' }),
    });
    expect(answer.status).toBe(403);
    expect(world.connect.stats.sessionCalls).toBe(0);
  });

  it.each(['400', '403'] as const)(
    'answers 502 provider_refused to a refusal: asking again will not help (%s)',
    async (fault) => {
      const { answer, body } = await sessionMeeting(fault);
      expect([answer.status, body.code]).toEqual([502, 'provider_refused']);
      expect(answer.headers.get('retry-after')).toBeNull();
    },
  );

  it.each(['hang', 'drop_before', 'drop_after', '500', '429', 'malformed'] as const)(
    'answers 503 with Retry-After to an outage, as one more session does no harm (%s)',
    async (fault) => {
      const { answer, body } = await sessionMeeting(fault, 7);
      expect([answer.status, body.code]).toEqual([503, 'provider_unavailable']);
      const asked = fault === '500' || fault === '429' ? '7' : '5';
      expect(answer.headers.get('retry-after')).toBe(asked);
    },
  );

  it('answers 503 with Retry-After when the provider lets nobody in', async () => {
    await world.linkConnect('eli');
    const vault = await launchVault({
      ...world.environment,
      STITCH_CONNECT_API_URL: `http://127.0.0.1:${String(await freePort())}`,
      PUBLIC_PORT: String(await freePort()),
    });
    try {
      const answer = await vault.request('/stitch-connect/sessions', {
        key: world.key,
        method: 'POST',
        body: JSON.stringify({ user_id: 'eli' }),
      });
      expect(answer.status).toBe(503);
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    } finally {
      await vault.stop();
    }
  });
});
