import { startStitchMoney } from './index.js';
import type { StitchMoneySandbox } from './index.js';
import { MoneyClient } from '../testing/client.js';
import type { TokenFault } from './switches.js';

describe('stitch.money faults', () => {
  let server: StitchMoneySandbox;
  let client: MoneyClient;

  beforeAll(async () => {
    server = await startStitchMoney();
  });
  beforeEach(() => {
    server.reset();
    client = new MoneyClient(server);
  });
  afterAll(() => server.close());

  /** Whether the refresh token is still unused, found out without faults. */
  const stillGood = async (refreshToken: string) => {
    server.switches.tokenFault = 'none';
    return (await client.refresh(refreshToken)).status === 200;
  };

  it.each<[TokenFault, number]>([
    ['500', 500],
    ['503', 503],
    ['429', 429],
  ])('%s answers so, with Retry-After, and uses nothing up', async (fault, status) => {
    Object.assign(server.switches, { tokenFault: fault, retryAfter: 7 });
    const { refreshToken } = server.mint();
    const response = await fetch(`${server.url}/connect/token`, {
      method: 'POST',
      body: new URLSearchParams({ grant_type: 'refresh_token', refresh_token: refreshToken }),
    });
    expect([response.status, response.headers.get('retry-after')]).toEqual([status, '7']);
    expect(await stillGood(refreshToken)).toBe(true);
    expect(server.stats.presentationsOf(refreshToken)).toBe(2);
  });

  it('invalid_client is HTTP 400 and uses nothing up (I)', async () => {
    server.switches.tokenFault = 'invalid_client';
    const { refreshToken } = server.mint();
    const { status, json } = await client.refresh(refreshToken);
    expect([status, json]).toEqual([400, { error: 'invalid_client' }]);
    expect(await stillGood(refreshToken)).toBe(true);
  });

  it.each<[TokenFault, boolean]>([
    ['drop_before', true],
    ['drop_after', false],
  ])('%s cuts the connection; the token is unused: %s', async (fault, unused) => {
    server.switches.tokenFault = fault;
    const { refreshToken } = server.mint();
    await expect(client.refresh(refreshToken)).rejects.toThrow('fetch failed');
    expect(server.stats.rotations).toBe(unused ? 0 : 1);
    expect(await stillGood(refreshToken)).toBe(unused);
  });

  it.each<[TokenFault, boolean]>([
    ['hang', true],
    ['hang_after', false],
  ])('%s never answers; the token is unused: %s', async (fault, unused) => {
    server.switches.tokenFault = fault;
    const { refreshToken } = server.mint();
    const waiting = new AbortController();
    const call = fetch(`${server.url}/connect/token`, {
      method: 'POST',
      signal: waiting.signal,
      body: new URLSearchParams({
        grant_type: 'refresh_token',
        refresh_token: refreshToken,
        client_id: server.clientId,
        client_secret: server.clientSecret,
      }),
    });
    const ended = expect(call).rejects.toThrow('aborted');
    while (server.stats.faults === 0) await new Promise(setImmediate);
    waiting.abort();
    await ended;
    expect(server.stats.rotations).toBe(unused ? 0 : 1);
    expect(await stillGood(refreshToken)).toBe(unused);
  });

  it.each<[TokenFault, boolean]>([
    ['malformed', true],
    ['malformed_after', false],
  ])('%s answers 200 with half a body; the token is unused: %s', async (fault, unused) => {
    server.switches.tokenFault = fault;
    const { refreshToken } = server.mint();
    await expect(client.refresh(refreshToken)).rejects.toThrow(SyntaxError);
    expect(await stillGood(refreshToken)).toBe(unused);
  });

  it('no_refresh_token leaves the one presented good (RFC 6749 section 6)', async () => {
    server.switches.tokenFault = 'no_refresh_token';
    const { refreshToken } = server.mint();
    const { status, json } = await client.refresh(refreshToken);
    expect(status).toBe(200);
    expect(json).not.toHaveProperty('refresh_token');
    expect(server.isLive(String(json.access_token))).toBe(true);
    expect(await stillGood(refreshToken)).toBe(true);
  });

  it.each<[TokenFault, string]>([
    ['no_expires_in', 'expires_in'],
    ['no_scope', 'scope'],
  ])('%s leaves out %s (RFC 6749 section 5.1)', async (fault, member) => {
    server.switches.tokenFault = fault;
    const { status, json } = await client.refresh(server.mint().refreshToken);
    expect(status).toBe(200);
    expect(json).not.toHaveProperty(member);
  });

  it('odd_members has members of the answer replaced, and the refresh token used up', async () => {
    const oddMembers = { expires_in: null, scope: ['openid'] };
    Object.assign(server.switches, { tokenFault: 'odd_members', oddMembers });
    const { refreshToken } = server.mint();
    const { status, json } = await client.refresh(refreshToken);
    expect([status, json]).toEqual([200, expect.objectContaining(oddMembers)]);
    expect(server.isLive(String(json.access_token))).toBe(true);
    expect(await stillGood(refreshToken)).toBe(false);
  });

  it('strikes refreshes alone unless faultOn says otherwise', async () => {
    server.switches.tokenFault = '503';
    expect((await client.exchange(await client.code())).status).toBe(200);
    server.switches.faultOn = 'code';
    expect((await client.exchange(await client.code())).status).toBe(503);
    expect((await client.refresh(server.mint().refreshToken)).status).toBe(200);
    server.switches.faultOn = 'all';
    expect((await client.exchange(await client.code())).status).toBe(503);
    expect((await client.refresh(server.mint().refreshToken)).status).toBe(503);
  });

  it('strikes only the next faultCount calls', async () => {
    Object.assign(server.switches, { tokenFault: '503', faultCount: 2 });
    const statuses = [];
    for (let i = 0; i < 3; i += 1) {
      statuses.push((await client.refresh(server.mint().refreshToken)).status);
    }
    expect(statuses).toEqual([503, 503, 200]);
  });

  it('strikes with the probability of faultRate', async () => {
    const draws = [0.49, 0.5, 0.99];
    const other = await startStitchMoney({
      random: () => draws.shift() ?? 1,
      switches: { tokenFault: '503', faultRate: 0.5 },
    });
    try {
      const statuses = [];
      for (let i = 0; i < 3; i += 1) {
        statuses.push((await new MoneyClient(other).refresh(other.mint().refreshToken)).status);
      }
      expect(statuses).toEqual([503, 200, 200]);
    } finally {
      await other.close();
    }
  });

  it('down cuts every connection but those to the controls', async () => {
    server.switches.down = true;
    await expect(fetch(`${server.url}/connect/jwks`)).rejects.toThrow('fetch failed');
    await expect(client.refresh(server.mint().refreshToken)).rejects.toThrow('fetch failed');
    expect((await fetch(`${server.url}/_sandbox/stats`)).status).toBe(200);
  });

  it('latencyMs holds answers back', async () => {
    server.switches.latencyMs = [40, 60];
    const begun = performance.now();
    expect((await client.refresh(server.mint().refreshToken)).status).toBe(200);
    expect(performance.now() - begun).toBeGreaterThanOrEqual(39);
  });
});
