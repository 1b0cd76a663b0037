import fc from 'fast-check';
import { LineError, parseLine } from './parse-line.js';

const NOW = Date.parse('2026-11-21T12:00:00Z');
const SECRET = 'vUq3-a-token-that-nobody-may-see-8sK';

const parse = (line: unknown) =>
  parseLine(Buffer.from(typeof line === 'string' ? line : JSON.stringify(line)), NOW);

function refusal(line: unknown): { field: string | null; reason: string } {
  try {
    parse(line);
  } catch (error) {
    if (error instanceof LineError) return { field: error.field, reason: error.reason };
    throw error;
  }
  throw new Error('the line was taken');
}

describe('a line of an import file', () => {
  it('is a grant with every field', () => {
    expect(
      parse({
        provider: 'stitch-connect',
        user_id: 'ann',
        connection: 'savings',
        access_token: 'a',
        refresh_token: 'r',
        expires_at: '2026-11-21T14:15:00.5+02:00',
        scope: 'openid  accounts',
        obtained_at: '2026-11-21T12:00:00Z',
        stitch_account_id: 7,
      }),
    ).toEqual({
      provider: 'stitch-connect',
      userId: 'ann',
      connection: 'savings',
      grantId: expect.stringMatching(
        /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
      ),
      accessToken: 'a',
      refreshToken: 'r',
      scopes: ['openid', 'accounts'],
      accountId: 7,
      obtainedAt: NOW,
      expiresAt: NOW + 900_500,
    });
  });

  it('has the defaults of the API, and null means missing', () => {
    expect(
      parse({ user_id: 'ann', access_token: 'a', provider: null, connection: null, scope: null }),
    ).toMatchObject({ provider: 'stitch-money', connection: 'default', scopes: [] });
  });

  it.each([
    ['both: expires_at counts', { expires_at: '2026-11-21T13:00:00Z', expires_in: 5 }, 3600],
    ['expires_in from now on', { expires_in: 60 }, 60],
    ['expires_in since obtained_at', { expires_in: 60, obtained_at: '2026-11-21T11:59:50Z' }, 50],
  ])('expires as told by %s', (_, fields, seconds) => {
    expect(parse({ user_id: 'ann', access_token: 'a', ...fields }).expiresAt).toBe(
      NOW + seconds * 1000,
    );
  });

  it('never expires when it has neither a time nor a refresh token', () => {
    expect(parse({ user_id: 'ann', access_token: 'a' })).toMatchObject({
      expiresAt: null,
      obtainedAt: NOW,
    });
  });

  it.each([
    ['without an access token', { refresh_token: 'r', expires_at: '2027-01-01T00:00:00Z' }],
    ['with a refresh token and no time', { refresh_token: 'r', access_token: 'a' }],
  ])('is expired and due %s', (_, fields) => {
    const { expiresAt, obtainedAt } = parse({ user_id: 'ann', ...fields });
    expect(expiresAt).toBeLessThan(NOW);
    expect(obtainedAt).toBeLessThanOrEqual(expiresAt!);
  });

  it('has an id of its own, and always the same', () => {
    const id = (line: object) => parse(line).grantId;
    const line = { user_id: 'ann', access_token: 'a' };
    expect(id(line)).toBe(id(line));
    expect(id(line)).not.toBe(id({ ...line, access_token: 'b' }));
  });

  it.each([
    ['not JSON', `{"user_id":"${SECRET}`, null],
    ['a list', [SECRET], null],
    ['a string', JSON.stringify(SECRET), null],
    ['no user', { access_token: SECRET }, 'user_id'],
    ['an empty user', { user_id: '', access_token: SECRET }, 'user_id'],
    ['a user that is a number', { user_id: 1, access_token: SECRET }, 'user_id'],
    ['a user with a line break', { user_id: 'a\nb', access_token: SECRET }, 'user_id'],
    ['a user that no path names', { user_id: '..', access_token: SECRET }, 'user_id'],
    ['a lone surrogate', '{"user_id":"\\ud800","access_token":"a"}', 'user_id'],
    ['no token', { user_id: 'ann' }, 'access_token'],
    ['an empty token', { user_id: 'ann', access_token: '' }, 'access_token'],
    [
      'a token with a line break',
      { user_id: 'ann', refresh_token: `${SECRET}\n` },
      'refresh_token',
    ],
    ['a long token', { user_id: 'ann', access_token: 'x'.repeat(16_385) }, 'access_token'],
    ['a strange provider', { user_id: 'ann', access_token: 'a', provider: SECRET }, 'provider'],
    ['a strange connection', { user_id: 'ann', access_token: 'a', connection: ' ' }, 'connection'],
    ['a scope in quotes', { user_id: 'ann', access_token: 'a', scope: '"x"' }, 'scope'],
    ['a list of scopes', { user_id: 'ann', access_token: 'a', scope: ['x'] }, 'scope'],
    ['no date', { user_id: 'ann', access_token: 'a', expires_at: 'tomorrow' }, 'expires_at'],
    [
      'a date without a zone',
      { user_id: 'ann', access_token: 'a', expires_at: '2027-01-01T00:00:00' },
      'expires_at',
    ],
    [
      '30 February',
      { user_id: 'ann', access_token: 'a', expires_at: '2027-02-30T00:00:00Z' },
      'expires_at',
    ],
    [
      'a number as a date',
      { user_id: 'ann', access_token: 'a', expires_at: 1_800_000_000 },
      'expires_at',
    ],
    [
      'a dead token',
      { user_id: 'ann', access_token: 'a', expires_at: '2026-11-21T11:59:59Z' },
      'expires_at',
    ],
    ['half a second', { user_id: 'ann', access_token: 'a', expires_in: 0.5 }, 'expires_in'],
    ['less than no time', { user_id: 'ann', access_token: 'a', expires_in: -1 }, 'expires_in'],
    [
      'a date to come',
      { user_id: 'ann', access_token: 'a', obtained_at: '2026-11-21T13:00:00Z' },
      'obtained_at',
    ],
    [
      'an account 0',
      { user_id: 'ann', access_token: 'a', stitch_account_id: 0 },
      'stitch_account_id',
    ],
    [
      'a misspelt field',
      { user_id: 'ann', access_token: 'a', refreshToken: SECRET },
      'refreshToken',
    ],
    ['a field that may be a secret', { user_id: 'ann', access_token: 'a', [SECRET]: 1 }, null],
  ])('is refused with %s, and its content is not repeated', (_, line, field) => {
    const { field: named, reason } = refusal(line);
    expect(named).toBe(field);
    expect(reason).not.toContain(SECRET);
  });

  it('is refused when it is not UTF-8', () => {
    const line = Buffer.from('{"user_id":"\xff","access_token":"a"}', 'latin1');
    expect(() => parseLine(line, NOW)).toThrow('is not JSON in UTF-8');
  });

  it('is taken or refused, whatever it holds', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.json(),
          fc.string(),
          fc.object().map((each) => JSON.stringify(each)),
        ),
        (text) => {
          try {
            parse(text);
          } catch (error) {
            expect(error).toBeInstanceOf(LineError);
          }
        },
      ),
    );
  });
});
