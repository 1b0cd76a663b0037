import fc from 'fast-check';
import { parseCallbackQuery } from './callback-query.js';

const STATE = 'A-z_9'.repeat(8) + 'abc';
const with_ = (rest: string) => parseCallbackQuery(`state=${STATE}${rest}`);
const code = (value: string) => ({ kind: 'code', code: value });
const error = (value: string) => ({ kind: 'error', error: value });
const DECLINED = { kind: 'declined' };

describe('the query of a callback', () => {
  it.each([
    ['&code=abc', code('abc')],
    ['&code=abc&scope=openid+accounts&session_state=x&unknown=y&unknown=z', code('abc')],
    ['&code=a%2Bb%2F%3D', code('a+b/=')],
    [`&code=${'c'.repeat(4096)}`, code('c'.repeat(4096))],
    ['', DECLINED],
    ['&scope=openid', DECLINED],
    ['&error=access_denied', DECLINED],
    ['&error=access_denied&error_description=The+user+said+no', DECLINED],
    ['&error=server_error', error('server_error')],
    ['&error=temporarily_unavailable&error_uri=https://x', error('temporarily_unavailable')],
    ['&error=<script>alert(1)</script>', error('unrecognised_error')],
    ['&error=', error('unrecognised_error')],
    [`&error=${'e'.repeat(65)}`, error('unrecognised_error')],
    ['&error=line%0Abreak', error('unrecognised_error')],
  ])('state%s is understood', (rest, answer) => {
    expect(with_(rest)).toEqual({ state: STATE, issuer: undefined, answer });
  });

  it.each([
    ['a code and an error', '&code=a&error=access_denied'],
    ['an empty code', '&code='],
    ['a code with a space', '&code=a+b'],
    ['a code with a NUL', '&code=a%00'],
    ['a code beyond ASCII', '&code=%C3%A9'],
    ['a code that is too long', `&code=${'c'.repeat(4097)}`],
    ['two codes', '&code=a&code=a'],
    ['two states', `&code=a&state=${STATE}`],
    ['two errors', '&error=a&error=b'],
    ['two issuers', '&code=a&iss=x&iss=x'],
    ['two scopes', '&code=a&scope=x&scope=x'],
  ])('%s is not understood, and nothing is done with it', (_, rest) => {
    expect(with_(rest)).toBeUndefined();
  });

  it.each(['', 'short', `${STATE}a`, `${STATE.slice(1)}%00`, `${STATE.slice(1)}+`, '%zz'])(
    'the state %j is none of ours',
    (state) => {
      expect(parseCallbackQuery(`code=a&state=${state}`)).toBeUndefined();
    },
  );

  it('says who answers, where the answer does (RFC 9207)', () => {
    expect(with_('&code=a&iss=https%3A%2F%2Fissuer.example')?.issuer).toBe(
      'https://issuer.example',
    );
  });

  it('is understood without a state as well: whether it is needed is not for the parser', () => {
    expect(parseCallbackQuery('code=a')).toEqual({
      state: undefined,
      issuer: undefined,
      answer: code('a'),
    });
  });

  it('never throws, and whatever is understood is safe to store, to log and to compare', () => {
    const pair = fc.tuple(
      fc.constantFrom('state', 'code', 'error', 'iss', '__proto__', 'constructor'),
      fc.oneof(
        fc.string({ unit: 'binary' }),
        fc.constant(STATE),
        fc.stringMatching(/^[a-z_]{1,9}$/),
      ),
    );
    const query = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(pair).map((pairs) => new URLSearchParams(pairs).toString()),
    );
    fc.assert(
      fc.property(query, (text) => {
        const parsed = parseCallbackQuery(text);
        if (!parsed) return;
        expect(parsed.state ?? STATE).toMatch(/^[A-Za-z0-9_-]{43}$/);
        const { answer } = parsed;
        if (answer.kind === 'code') expect(answer.code).toMatch(/^[\x21-\x7e]+$/);
        if (answer.kind === 'error') expect(answer.error).toMatch(/^[a-z_]{1,64}$/);
      }),
      { numRuns: 500 },
    );
  });
});
