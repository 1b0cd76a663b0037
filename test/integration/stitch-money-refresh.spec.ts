import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { freePort } from '../support/vault.js';
import { SCOPES, useStitchMoney } from './stitch-money.js';

describe('refresh and revocation of stitch-money against the strict sandbox', () => {
  const stitch = useStitchMoney();

  it('refreshes once with each token, and knows a used one as invalid_grant', async () => {
    const { refreshToken } = stitch.sandbox.mint({ scope: SCOPES });
    const issued = await (await stitch.provider()).refresh(refreshToken);
    expect(stitch.sandbox.isLive(issued.accessToken)).toBe(true);
    expect(issued.refreshToken).not.toBe(refreshToken);
    await expect((await stitch.provider()).refresh(refreshToken)).rejects.toMatchObject({
      kind: 'invalid_grant',
    });
  });

  it.each([
    ['no_refresh_token', { refreshToken: null, expiresIn: 900, scopes: SCOPES }],
    ['no_expires_in', { expiresIn: 900, refreshToken: expect.any(String), scopes: SCOPES }],
    ['no_scope', { scopes: null, expiresIn: 900, refreshToken: expect.any(String) }],
  ] as const)(
    'takes an answer with the fault %s as RFC 6749 says',
    async (tokenFault, expected) => {
      const { refreshToken } = stitch.sandbox.mint({ scope: SCOPES });
      stitch.sandbox.switches.tokenFault = tokenFault;
      expect(await (await stitch.provider()).refresh(refreshToken)).toMatchObject(expected);
    },
  );

  it.each(['expired', 'wrong_issuer', 'wrong_audience', 'bad_signature', 'alg_none'] as const)(
    'loses no pair for the sake of an id_token that nobody reads: %s',
    async (idTokenFault) => {
      const { refreshToken } = stitch.sandbox.mint({ scope: SCOPES });
      Object.assign(stitch.sandbox.switches, { idTokenFault, idTokenOnRefresh: true });
      const issued = await (await stitch.provider()).refresh(refreshToken);
      expect(stitch.sandbox.isLive(issued.accessToken)).toBe(true);
      expect(issued.refreshToken).toEqual(expect.any(String));
    },
  );

  it.each([
    ['500', 'unavailable', true],
    ['503', 'unavailable', true],
    ['429', 'rate_limited', false],
    ['invalid_client', 'invalid_client', false],
    ['malformed', 'malformed', true],
    ['malformed_after', 'malformed', true],
    ['drop_before', 'interrupted', true],
    ['drop_after', 'interrupted', true],
  ] as const)('sorts the fault %s as %s, in doubt: %s', async (tokenFault, kind, leavesDoubt) => {
    const { refreshToken } = stitch.sandbox.mint({ scope: SCOPES });
    Object.assign(stitch.sandbox.switches, { tokenFault, retryAfter: 7 });
    const error = await (await stitch.provider()).refresh(refreshToken).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error).toMatchObject({ kind, leavesDoubt, concernsProvider: true });
    expect(String(error)).not.toContain(refreshToken);
    if (['500', '503', '429'].includes(tokenFault)) {
      expect(error).toMatchObject({ retryAfter: 7000 });
    }
  });

  it('keeps the query of an endpoint', async () => {
    const called: (string | undefined)[] = [];
    const server = createServer(({ url }, response) => {
      called.push(url);
      response.setHeader('content-type', 'application/json').end('{"access_token":"a"}');
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const endpoint = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/t?tenant=a`;
    try {
      const provider = await stitch.provider({
        STITCH_MONEY_AUTHORIZATION_ENDPOINT: endpoint,
        STITCH_MONEY_TOKEN_ENDPOINT: endpoint,
        STITCH_MONEY_REVOCATION_ENDPOINT: endpoint,
      });
      await provider.refresh('x');
      await provider.revoke('x');
      expect(called).toEqual(['/t?tenant=a', '/t?tenant=a']);
      const request = { state: 's', nonce: 'n', codeChallenge: 'c', scopes: SCOPES, prefill: {} };
      const url = await provider.authorizationUrl({ redirectUri: 'http://127.0.0.1/', ...request });
      expect(url.startsWith(`${endpoint}&`)).toBe(true);
    } finally {
      server.close();
    }
  });

  it('knows that a refused connection carried nothing', async () => {
    const nowhere = `http://127.0.0.1:${String(await freePort())}/connect/token`;
    const cutOff = await stitch.provider({ STITCH_MONEY_TOKEN_ENDPOINT: nowhere });
    await expect(cutOff.refresh('x')).rejects.toMatchObject({
      kind: 'unreachable',
      leavesDoubt: false,
    });
  });

  it('tries an older secret when the newest is refused yet, and costs the token nothing', async () => {
    const rotated = await stitch.provider({
      STITCH_MONEY_CLIENT_SECRET: 'tomorrow,sandbox-client-secret',
    });
    const { refreshToken } = stitch.sandbox.mint({ scope: SCOPES });
    const issued = await rotated.refresh(refreshToken);
    expect(stitch.sandbox.isLive(issued.accessToken)).toBe(true);
    const calls = stitch.sandbox.stats.refreshCalls;
    await rotated.refresh(issued.refreshToken ?? '');
    expect(stitch.sandbox.stats.refreshCalls - calls).toBe(1);
  });

  it('changes over to the newest secret without one failed call, under load', async () => {
    const rotated = await stitch.provider({
      STITCH_MONEY_CLIENT_SECRET: 'tomorrow,sandbox-client-secret',
    });
    await rotated.refresh(stitch.sandbox.mint({ scope: SCOPES }).refreshToken);
    stitch.sandbox.switches.latencyMs = [0, 25];
    stitch.sandbox.clientSecrets.splice(0, Infinity, 'tomorrow');
    const minted = Array.from({ length: 30 }, () => stitch.sandbox.mint({ scope: SCOPES }));
    const answers = await Promise.all(minted.map((each) => rotated.refresh(each.refreshToken)));
    expect(answers.every(({ accessToken }) => stitch.sandbox.isLive(accessToken))).toBe(true);
  });

  it('reports invalid_client when every secret is refused', async () => {
    const wrong = await stitch.provider({ STITCH_MONEY_CLIENT_SECRET: 'one,two' });
    const { refreshToken } = stitch.sandbox.mint({ scope: SCOPES });
    await expect(wrong.refresh(refreshToken)).rejects.toMatchObject({ kind: 'invalid_client' });
    expect(await (await stitch.provider()).refresh(refreshToken)).toHaveProperty('accessToken');
  });

  it('revokes a grant, and takes an unknown token for revoked', async () => {
    const minted = stitch.sandbox.mint({ scope: SCOPES });
    const provider = await stitch.provider();
    await provider.revoke(minted.refreshToken);
    expect(stitch.sandbox.isLive(minted.accessToken)).toBe(false);
    await expect(provider.revoke('unknown')).resolves.toBeUndefined();
    stitch.sandbox.switches.revocationFault = '500';
    await expect(provider.revoke('x')).rejects.toMatchObject({ kind: 'unavailable' });
  });
});
