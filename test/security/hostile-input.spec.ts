import fc from 'fast-check';
import { expectProblem } from './refusals.js';
import { useTarget } from './target.js';

const long = (length: number) => 'a'.repeat(length);

describe('hostile URLs to the internal API', () => {
  const { call, get } = useTarget();

  it.each([
    ['an empty id', '%20'],
    ['a NUL', 'a%00b'],
    ['a line feed', 'a%0Ab'],
    ['300 characters', long(300)],
    ['256 four-byte characters', encodeURIComponent('😀'.repeat(256))],
    ['a zero-width joiner', encodeURIComponent('a\u200db')],
    ['a right-to-left override', encodeURIComponent('a\u202eb')],
    ['white space', 'a%20b'],
    ['an API key', `stv_${long(43)}`],
    ['an encoded lone surrogate', '%ED%A0%80'],
    ['bad percent-encoding', '%zz'],
    ['a cut percent-encoding', 'a%'],
    ['bytes that are no UTF-8', '%ff%fe'],
    ['an overlong encoding of a slash', '%c0%af'],
  ])('refuses a user id that is %s', async (_, id) => {
    expectProblem(await get(`/tokens/${id}`), 400);
  });

  it.each([
    ['/tokens/'],
    ['/tokens/../../etc/passwd'],
    ['/tokens/ann/../../health'],
    ['/../../../etc/passwd'],
    ['//tokens//ann'],
    ['/TOKENS/ann'],
    ['/docs/../../package.json'],
    ['/docs/%2e%2e/%2e%2e/package.json'],
    ['/docs/..%2f..%2fpackage.json'],
    ['/.env'],
  ])('finds nothing at %s', async (target) => {
    expectProblem(await get(target));
  });

  it('refuses an id longer than any route looks at', async () => {
    expectProblem(await get(`/tokens/${long(8000)}`));
  });

  it.each([
    ['provider', '__proto__'],
    ['provider', 'constructor'],
    ['provider', 'to-string'],
    ['provider', 'no-such-provider'],
    ['provider', '%00'],
    ['provider', ''],
    ['connection', '../default'],
    ['connection', '%0d%0aset-cookie:a'],
    ['min_ttl', '-1'],
    ['min_ttl', '3601'],
    ['min_ttl', '1e2'],
    ['min_ttl', '0x10'],
    ['min_ttl', '٣'],
    ['scope', '%00'],
    ['scope', '%22'],
  ])('refuses %s=%s', async (name, value) => {
    expectProblem(await get(`/tokens/ann?${name}=${value}`), 400);
  });

  it.each([
    ['connection', long(65)],
    ['provider', long(65)],
    ['min_ttl', '9'.repeat(400)],
    ['scope', long(201)],
    ['scope', Array(51).fill('s').join('+')],
  ])('refuses a value of %s that is too long', async (name, value) => {
    expectProblem(await get(`/tokens/ann?${name}=${value}`), 400);
  });

  it.each(['provider', 'connection', 'min_ttl', 'scope'])(
    'refuses %s given twice, as a list and as an object',
    async (name) => {
      expectProblem(await get(`/tokens/ann?${name}=1&${name}=1`), 400);
      expectProblem(await get(`/tokens/ann?${name}[]=1`), 400);
      expectProblem(await get(`/tokens/ann?${name}[a]=1`), 400);
    },
  );

  it.each(['__proto__', 'constructor', 'prototype', 'hasOwnProperty', 'toString'])(
    'refuses the parameter %s like any that it does not know, polluting nothing',
    async (name) => {
      for (const path of ['/tokens/ann', '/grants', '/events']) {
        for (const query of [`${name}=x`, `${name}=`, `${name}[polluted]=x&user_id.${name}=x`]) {
          expectProblem(await get(`${path}?${query}`), 400);
        }
      }
      const { body } = await get(`/tokens/ann?${name}=x`);
      expect(body).toContain(`"errors":{"${name}":["is not known here"]}`);
    },
  );

  it('refuses a parameter that it does not know', async () => {
    expectProblem(await get('/tokens/ann?user_id=bob'), 400);
  });

  it.each([
    ['PUT', '/tokens/ann'],
    ['PATCH', '/authorization-requests'],
    ['TRACE', '/tokens/ann'],
    ['DELETE', '/health/ready'],
    ['POST', '/metrics'],
    ['OPTIONS', '/tokens/ann'],
    ['PROPFIND', '/'],
    ['POST', '/docs'],
  ])('refuses %s %s', async (method, target) => {
    expectProblem(await call({ method, target, body: '' }));
  });

  it.each([
    ['/tokens/ann', ['provider', 'connection', 'min_ttl', 'scope']],
    ['/grants', ['provider', 'status', 'user_id', 'limit', 'cursor']],
  ])('answers any string in any parameter of %s, but never with an error', async (path, names) => {
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string({ unit: 'grapheme' }),
      fc.base64String(),
      fc.jsonValue().map((value) => Buffer.from(JSON.stringify(value)).toString('base64url')),
    );
    const property = fc.asyncProperty(fc.constantFrom(...names), text, async (name, value) => {
      const answer = await get(`${path}?${name}=${encodeURIComponent(value)}`);
      if (answer.status !== 200) expectProblem(answer);
    });
    await fc.assert(property, { numRuns: 120 });
  });

  it('answers any string where a user id belongs, but never with an error', async () => {
    const property = fc.asyncProperty(fc.string({ unit: 'binary' }), async (value) => {
      expectProblem(await get(`/tokens/x${encodeURIComponent(value)}`));
      await call({ method: 'DELETE', target: `/tokens/x${encodeURIComponent(value)}` }).then(
        (answer) => {
          if (answer.status !== 204) expectProblem(answer);
        },
      );
    });
    await fc.assert(property, { numRuns: 60 });
  });

  it('answers any string where an authorization request id belongs with a refusal', async () => {
    const property = fc.asyncProperty(fc.string({ unit: 'binary' }), async (value) => {
      expectProblem(await get(`/authorization-requests/${encodeURIComponent(value)}`));
    });
    await fc.assert(property, { numRuns: 50 });
  });
});
