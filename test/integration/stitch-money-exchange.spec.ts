import { random, useStitchMoney } from './stitch-money.js';

/** The newest secret is not active yet. */
const TWO_SECRETS = { STITCH_MONEY_CLIENT_SECRET: 'tomorrow,sandbox-client-secret' };

describe('the code exchange of stitch-money against the strict sandbox', () => {
  const stitch = useStitchMoney();

  it('exchanges a code for tokens that the API accepts, with what was granted', async () => {
    const issued = await (
      await stitch.provider()
    ).exchangeCode(await stitch.consent({ untick: ['accounts'] }));
    expect(stitch.sandbox.isLive(issued.accessToken)).toBe(true);
    expect(issued).toMatchObject({
      expiresIn: 900,
      scopes: ['openid', 'offline_access'],
      subject: expect.stringMatching(/^user\//),
      accountId: null,
    });
    expect(issued.refreshToken).toEqual(expect.any(String));
  });

  it('says so when there is no refresh token, because offline access was not granted', async () => {
    const exchange = await stitch.consent({ untick: ['offline_access'] });
    expect((await (await stitch.provider()).exchangeCode(exchange)).refreshToken).toBeNull();
  });

  it.each([
    ['wrong_nonce'],
    ['wrong_issuer'],
    ['wrong_audience'],
    ['wrong_authorized_party'],
    ['bad_signature'],
    ['bad_at_hash'],
    ['expired'],
    ['alg_none'],
    ['missing'],
  ] as const)('does not believe an id_token with the fault %s', async (idTokenFault) => {
    const exchange = await stitch.consent();
    stitch.sandbox.switches.idTokenFault = idTokenFault;
    await expect((await stitch.provider()).exchangeCode(exchange)).rejects.toMatchObject({
      kind: 'untrusted',
      message: expect.not.stringContaining('eyJ'),
    });
  });

  it('checks the claims also where no key set is configured', async () => {
    const bare = await stitch.provider({ STITCH_MONEY_JWKS_URI: '' });
    const good = await bare.exchangeCode(await stitch.consent());
    expect(good.subject).toMatch(/^user\//);
    for (const idTokenFault of ['wrong_nonce', 'wrong_audience', 'bad_at_hash'] as const) {
      const exchange = await stitch.consent();
      stitch.sandbox.switches.idTokenFault = idTokenFault;
      await expect(bare.exchangeCode(exchange)).rejects.toMatchObject({ kind: 'untrusted' });
      stitch.sandbox.reset();
    }
  });

  it.each([
    ['a wrong verifier', { codeVerifier: random() }],
    ['an unknown code', { code: 'unknown' }],
    ['another redirect_uri', { redirectUri: 'http://127.0.0.1:3001/callback/other' }],
  ])('reports %s as invalid_grant: it concerns this request alone', async (_, change) => {
    const exchange = { ...(await stitch.consent()), ...change };
    await expect((await stitch.provider()).exchangeCode(exchange)).rejects.toMatchObject({
      kind: 'invalid_grant',
      concernsProvider: false,
    });
  });

  it('tries an older secret when the newest is refused yet, and costs the code nothing', async () => {
    const provider = await stitch.provider(TWO_SECRETS);
    const issued = await provider.exchangeCode(await stitch.consent());
    expect(stitch.sandbox.isLive(issued.accessToken)).toBe(true);
  });

  it('loses one code, not every one, to a provider that burns it with a refused secret', async () => {
    stitch.sandbox.switches.burnCodeOnBadClient = true;
    const provider = await stitch.provider(TWO_SECRETS);
    await expect(provider.exchangeCode(await stitch.consent())).rejects.toMatchObject({
      kind: 'invalid_grant',
    });
    const { codeCalls } = stitch.sandbox.stats;
    const issued = await provider.exchangeCode(await stitch.consent());
    expect(stitch.sandbox.isLive(issued.accessToken)).toBe(true);
    expect(stitch.sandbox.stats.codeCalls - codeCalls).toBe(1);
  });
});
