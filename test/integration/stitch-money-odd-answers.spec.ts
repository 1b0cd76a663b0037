import { SCOPES, useStitchMoney } from './stitch-money.js';

/** Members as a provider may send them, and what follows from them beside a good access token. */
const ODD_MEMBERS: readonly (readonly [string, Record<string, unknown>, object])[] = [
  ['expires_in null', { expires_in: null }, { expiresIn: 900 }],
  ['expires_in no number', { expires_in: 'abc' }, { expiresIn: 900 }],
  ['expires_in empty', { expires_in: '' }, { expiresIn: 900 }],
  ['expires_in a list', { expires_in: [60] }, { expiresIn: 900 }],
  ['expires_in negative', { expires_in: -5 }, { expiresIn: 900 }],
  ['expires_in 0', { expires_in: 0 }, { expiresIn: 900 }],
  ['expires_in as text', { expires_in: '600' }, { expiresIn: 600 }],
  ['expires_in with a fraction', { expires_in: 0.5 }, { expiresIn: 1 }],
  ['expires_in of a century', { expires_in: 3_155_760_000 }, { expiresIn: 315_360_000 }],
  ['scope null', { scope: null }, { scopes: null }],
  ['scope empty', { scope: '' }, { scopes: null }],
  ['scope a list', { scope: ['openid', 'accounts'] }, { scopes: ['openid', 'accounts'] }],
  ['scope a list of other things', { scope: ['openid', 7] }, { scopes: null }],
  ['scope a number', { scope: 7 }, { scopes: null }],
  ['refresh_token null', { refresh_token: null }, { refreshToken: null }],
  ['refresh_token empty', { refresh_token: '' }, { refreshToken: null }],
  ['refresh_token a number', { refresh_token: 7 }, { refreshToken: null }],
  ['refresh_token with a line break', { refresh_token: 'a\nb' }, { refreshToken: null }],
  ['no token_type', { token_type: undefined }, {}],
  ['token_type null', { token_type: null }, {}],
  ['token_type of another kind', { token_type: 'mac' }, {}],
  [
    'nothing but the tokens',
    { expires_in: null, scope: null, token_type: null },
    { expiresIn: 900, scopes: null },
  ],
];
const AS_ISSUED = { refreshToken: expect.any(String), expiresIn: 900, scopes: SCOPES };

describe('an answer of stitch-money that is odd in a member beside the access token', () => {
  const stitch = useStitchMoney();
  const answerWith = (oddMembers: object) => {
    Object.assign(stitch.sandbox.switches, {
      tokenFault: 'odd_members',
      faultOn: 'all',
      oddMembers,
    });
  };

  it.each(ODD_MEMBERS)('costs no rotated pair: %s', async (_, odd, expected) => {
    const provider = await stitch.provider();
    const { refreshToken } = stitch.sandbox.mint({ scope: SCOPES });
    answerWith(odd);
    const issued = await provider.refresh(refreshToken);
    expect(issued).toMatchObject({ ...AS_ISSUED, ...expected });
    expect(stitch.sandbox.isLive(issued.accessToken)).toBe(true);
    if (issued.refreshToken === null) return;
    stitch.sandbox.reset();
    const next = await provider.refresh(issued.refreshToken);
    expect(stitch.sandbox.isLive(next.accessToken)).toBe(true);
  });

  it.each(ODD_MEMBERS)('costs no code, which works once as well: %s', async (_, odd, expected) => {
    const exchange = await stitch.consent();
    answerWith(odd);
    const issued = await (await stitch.provider()).exchangeCode(exchange);
    expect(issued).toMatchObject({ ...AS_ISSUED, ...expected });
    expect(issued.subject).toMatch(/^user\//);
    expect(stitch.sandbox.isLive(issued.accessToken)).toBe(true);
  });

  it.each([
    ['none', { access_token: undefined }],
    ['null', { access_token: null }],
    ['empty', { access_token: '' }],
    ['with a line break', { access_token: 'a\nb' }],
  ])('is of no use, and leaves doubt, when the access token is %s', async (_, odd) => {
    const { refreshToken } = stitch.sandbox.mint({ scope: SCOPES });
    answerWith(odd);
    await expect((await stitch.provider()).refresh(refreshToken)).rejects.toMatchObject({
      leavesDoubt: true,
    });
  });

  it.each([
    ['null', null],
    ['a number', 7],
    ['no JWT', 'abc'],
  ])('is not believed at the code exchange when the id_token is %s', async (_, id_token) => {
    const exchange = await stitch.consent();
    answerWith({ id_token });
    await expect((await stitch.provider()).exchangeCode(exchange)).rejects.toMatchObject({
      concernsProvider: true,
      leavesDoubt: true,
    });
  });
});
