import { gzipSync } from 'node:zlib';
import { tokensThatArrived } from './cut-answer.js';
import { membersOf } from './answer.js';

const answer = (body: string | Buffer, status = 200, contentEncoding: string | null = null) => ({
  status,
  contentType: null,
  contentEncoding,
  body: Buffer.from(body),
});

/** What is made of an answer of which this has arrived. */
const arrived = (body: string | Buffer, status?: number, encoding: string | null = null) => {
  const whole = tokensThatArrived(answer(body, status, encoding));
  return whole && membersOf(whole);
};

const TOKENS = '{"access_token":"a,b","expires_in":900,"refresh_token":"n,ext","scope":"x y"}';

describe('an answer that was cut off', () => {
  it.each<[string, string | Buffer, string | null]>([
    ['lacks its end alone', TOKENS, null],
    ['lacks its end alone, and is packed', gzipSync(TOKENS), 'gzip'],
    ['has an access token that is not renewed', '{"access_token":"a","stitch_account_id":4}', null],
  ])('is good when it %s', (_, body, encoding) => {
    expect(arrived(body, 200, encoding)).toMatchObject({
      access_token: expect.any(String),
    });
  });

  it('is worth its whole members from where the refresh token is among them, and never half a value', () => {
    const complete = TOKENS.indexOf(',"scope"');
    for (let length = 0; length < TOKENS.length; length += 1) {
      const got = arrived(TOKENS.slice(0, length));
      if (length <= complete) expect(got).toBeUndefined();
      else {
        expect(got).toEqual({ access_token: 'a,b', expires_in: 900, refresh_token: 'n,ext' });
      }
    }
  });

  it('has a token that is renewed at once where nobody knows how long it lives', () => {
    expect(arrived('{"access_token":"a","refresh_token":"next","expires_in":90')).toEqual({
      access_token: 'a',
      refresh_token: 'next',
      expires_in: 1,
    });
  });

  it('is lost when it is an error, a page, a form, packed and incomplete, or holds no token', () => {
    const form = 'access_token=a&refresh_token=nex';
    for (const body of [
      '{"error":"invalid_grant"}',
      '<html>',
      form,
      '',
      '{',
      '{}',
      ',,,,',
      '[1,2',
    ]) {
      expect(arrived(body)).toBeUndefined();
    }
    expect(arrived(TOKENS, 500)).toBeUndefined();
    expect(arrived(gzipSync(TOKENS).subarray(0, -4), 200, 'gzip')).toBeUndefined();
  });
});
