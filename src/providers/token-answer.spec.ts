import { inspect } from 'node:util';
import type { ProviderAnswer } from './answer.js';
import { UnreadableAnswerError } from './provider-error.js';
import { assertRevoked } from './refusal.js';
import { mayHoldTokens, readTokenAnswer, toIssuedTokens } from './token-answer.js';

const answerOf = (status: number, body: unknown): ProviderAnswer => ({
  status,
  contentType: null,
  contentEncoding: null,
  body: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)),
});

function failure(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  return undefined;
}

describe('an answer of the token endpoint', () => {
  it.each([200, 201, 202, 203])('is good by its access token, with status %i', (status) => {
    const answer = answerOf(status, { access_token: 'a', refresh_token: 'r', expires_in: 60 });
    expect(readTokenAnswer(answer)).toMatchObject({ accessToken: 'a', refreshToken: 'r' });
    expect(mayHoldTokens(answer)).toBe(true);
  });

  it.each([9000, 1_048_576])('may have tokens of %i characters', (length) => {
    const [access_token, refresh_token] = ['a'.repeat(length), 'r'.repeat(length)];
    expect(readTokenAnswer(answerOf(200, { access_token, refresh_token }))).toMatchObject({
      accessToken: access_token,
      refreshToken: refresh_token,
    });
  });

  it('keeps the first of 60,000 scopes, for every read would send them', () => {
    const scope = Array.from({ length: 60_000 }, (_, index) => `scope-${String(index)}`).join(' ');
    for (const named of [scope, scope.split(' ')]) {
      const members = readTokenAnswer(answerOf(200, { access_token: 'a', scope: named }));
      const kept = members.scopes ?? [];
      expect(kept.slice(0, 2)).toEqual(['scope-0', 'scope-1']);
      expect(kept.join(' ').length).toBeLessThanOrEqual(8192);
      expect(kept.length).toBeGreaterThan(500);
      expect(kept.length + members.droppedScopes).toBe(60_000);
      expect(toIssuedTokens(members, 900, null)).toMatchObject({
        accessToken: 'a',
        droppedScopes: members.droppedScopes,
      });
    }
    const few = readTokenAnswer(answerOf(200, { access_token: 'a', scope: 'one two' }));
    expect(toIssuedTokens(few, 900, null)).not.toHaveProperty('droppedScopes');
  });

  it.each([null, '', false])('with an error of %j has none', (error) => {
    const answer = answerOf(200, { access_token: 'a', error });
    expect(readTokenAnswer(answer)).toMatchObject({ accessToken: 'a' });
  });

  it.each([
    ['invalid_grant', 'invalid_grant', false],
    ['invalid_client', 'invalid_client', true],
    ['unauthorized_client', 'invalid_client', true],
    ['interaction_required', 'rejected', false],
    ['bad_refresh_token', 'rejected', false],
    ['invalid_request', 'rejected', false],
  ])('that says %s is a refusal whatever the status', (error, kind, concernsProvider) => {
    for (const status of [200, 400, 401, 403]) {
      const answer = answerOf(status, { error, error_description: 'secret text' });
      const thrown = failure(() => readTokenAnswer(answer));
      expect(thrown).toMatchObject({ kind, reason: error, concernsProvider, isRefusal: true });
      expect(thrown).toMatchObject({ leavesDoubt: false, sent: true });
      expect(String(thrown)).not.toContain('secret');
      expect(mayHoldTokens(answer)).toBe(false);
    }
  });

  it.each([
    ['server_error', 'unavailable'],
    ['temporarily_unavailable', 'unavailable'],
    ['slow_down', 'rate_limited'],
  ])('that says %s tells of trouble: %s', (error, kind) => {
    expect(failure(() => readTokenAnswer(answerOf(200, { error })))).toMatchObject({
      kind,
      isRefusal: false,
    });
  });

  it.each([{ code: 190 }, 'Text of a Person', 7, ['x']])('repeats no error like %j', (error) => {
    expect(failure(() => readTokenAnswer(answerOf(200, { error })))).toMatchObject({
      kind: 'rejected',
      reason: 'unrecognised_error',
    });
  });

  it.each([
    [400, 'rejected'],
    [401, 'invalid_client'],
    [403, 'rejected'],
    [404, 'rejected'],
  ])('of status %i without a word is %s', (status, kind) => {
    const thrown = failure(() => readTokenAnswer(answerOf(status, '<h1>No</h1>')));
    expect(thrown).toMatchObject({ kind, reason: `http_${String(status)}`, leavesDoubt: false });
  });

  it.each([
    ['not_json', '{"access_token":"cut off her'],
    ['no_access_token', { refresh_token: 'r' }],
    ['no_access_token', { access_token: 'a\nb' }],
    ['contradictory', { error: 'server_error', access_token: 'a', refresh_token: 'r' }],
  ])('that cannot be understood is kept and leaves doubt: %s', (reason, body) => {
    const answer = answerOf(200, body);
    const thrown = failure(() => readTokenAnswer(answer)) as UnreadableAnswerError;
    expect(thrown).toBeInstanceOf(UnreadableAnswerError);
    expect(thrown).toMatchObject({ kind: 'malformed', reason, leavesDoubt: true, status: 200 });
    expect(thrown.body).toBe(answer.body);
    expect(mayHoldTokens(answer)).toBe(true);
    // Whoever prints the error prints no token.
    expect(inspect(thrown)).not.toContain('Buffer');
    expect(JSON.stringify(thrown)).not.toContain('body');
  });

  it.each([
    [200, '<!DOCTYPE html><title>Maintenance</title><input name="csrf_token" value="x">', 'page'],
    [200, '\n<html><body>Back at noon</body></html>', 'page'],
    [200, '', 'empty'],
    [204, '', 'empty'],
    [302, '', 'http_302'],
    [308, '<a href="https://secure.example.com/connect/token">Moved</a>', 'http_308'],
    [200, '{}', 'no_tokens'],
    [200, { message: 'We are down for maintenance' }, 'no_tokens'],
  ])('of something in front of the provider holds none: %i %j', (status, body, reason) => {
    const answer = answerOf(status, body);
    const thrown = failure(() => readTokenAnswer(answer));
    expect(thrown).not.toBeInstanceOf(UnreadableAnswerError);
    expect(thrown).toMatchObject({ kind: 'malformed', reason, leavesDoubt: true });
    expect(mayHoldTokens(answer)).toBe(false);
  });

  it.each([
    '<html>{"access_token":"a","refresh_token":"r"}</html>',
    '<html><script>{"refreshToken":"r"}</script></html>',
    { data: { accessToken: 'a' } },
    { jwt: 'eyJhbGciOiJSUzI1NiJ9.e30.c2lnbmF0dXJl' },
    '{"acc',
  ])('that may hold tokens is kept, whatever is around them: %j', (body) => {
    const answer = answerOf(200, body);
    expect(failure(() => readTokenAnswer(answer))).toBeInstanceOf(UnreadableAnswerError);
    expect(mayHoldTokens(answer)).toBe(true);
  });

  it('has the lifetime that is configured, or none, where it names none', () => {
    const members = readTokenAnswer(answerOf(200, { access_token: 'a' }));
    expect(toIssuedTokens(members, 3600, null).expiresIn).toBe(3600);
    expect(toIssuedTokens(members, null, null).expiresIn).toBeNull();
    expect(toIssuedTokens({ ...members, lifetime: 60 }, null, null).expiresIn).toBe(60);
  });
});

describe('an answer of the revocation endpoint', () => {
  it.each([
    [200, ''],
    [204, ''],
    [200, '{}'],
    [400, { error: 'invalid_token' }],
  ])('%i %j: the token is revoked', (status, body) => {
    expect(
      failure(() => {
        assertRevoked(answerOf(status, body));
      }),
    ).toBeUndefined();
  });

  it.each([
    [302, '', 'malformed'],
    [400, { error: 'unsupported_token_type' }, 'rejected'],
    [401, '', 'invalid_client'],
    [200, { error: 'server_error' }, 'unavailable'],
  ])('%i %j: it is not', (status, body, kind) => {
    expect(
      failure(() => {
        assertRevoked(answerOf(status, body));
      }),
    ).toMatchObject({ kind });
  });
});
