import fc from 'fast-check';
import { expectPage } from './refusals.js';
import { useTarget } from './target.js';

describe('hostile requests to the public listener', () => {
  const target = useTarget();
  const { browse } = target;

  it.each([
    ['no state', '/callback/stitch-money'],
    ['an empty state', '/callback/stitch-money?state='],
    ['a state alone that is unknown', `/callback/stitch-money?state=${'a'.repeat(43)}`],
    ['an unknown state', `/callback/stitch-money?code=c&state=${'a'.repeat(43)}`],
    ['two states', `/callback/stitch-money?state=${'a'.repeat(43)}&state=${'b'.repeat(43)}`],
    ['two codes', `/callback/stitch-money?state=${'a'.repeat(43)}&code=a&code=b`],
    ['a NUL', `/callback/stitch-money?state=${'a'.repeat(42)}%00`],
    ['bad percent-encoding', '/callback/stitch-money?state=%zz&code=%'],
    ['a huge code', `/callback/stitch-money?state=${'a'.repeat(43)}&code=${'a'.repeat(8000)}`],
    ['prototype keys', '/callback/stitch-money?__proto__=x&constructor=x&toString=x'],
    ['markup', '/callback/stitch-money?state=<script>alert(1)</script>&error=<script>'],
  ])('answers a callback with %s by the page that says nothing', async (_, url) => {
    const answer = await browse({ target: url });
    expectPage(answer, 400);
    expect(answer.body).toContain('This link cannot be used');
  });

  it.each([
    '/callback/stitch-connect-not-there',
    '/callback/__proto__',
    '/callback/constructor',
    '/callback/%00',
    '/callback/',
    '/callback/stitch-money/../../health/live',
    '/CALLBACK/stitch-money',
    '/callback/..%2f..%2fhealth%2flive',
  ])('finds nothing at %.50s', async (url) => {
    expectPage(await browse({ target: url }), 404);
  });

  it.each(['/callback/%ff', `/callback/${'a'.repeat(5000)}`, '/callback/%', '/%zz'])(
    'answers a path that no router takes by the page: %.50s',
    async (url) => {
      expectPage(await browse({ target: url }), 400);
    },
  );

  it.each([
    '/authorize/00000000-0000-4000-8000-000000000000',
    '/authorize/1',
    '/authorize/__proto__',
    '/authorize/%00',
    '/authorize/..%2f',
    `/authorize/${'a'.repeat(300)}`,
  ])('starts nothing at %.50s, and sets no cookie', async (url) => {
    const answer = await browse({ target: url });
    expectPage(answer);
    expect(answer.headers).not.toHaveProperty('set-cookie');
  });

  it.each([
    ['no cookie', undefined],
    ['a cookie that is none', 'stitch-link-x=y'],
    ['a forged cookie', `stitch-link-00000000-0000-4000-8000-000000000000=${'a'.repeat(43)}`],
    ['a thousand cookies', Array(1000).fill(`a=b`).join('; ')],
    ['a cookie full of separators', ';=;==;;='.repeat(100)],
  ])('completes nothing for a code with %s', async (_, cookie) => {
    const headers: Record<string, string> = cookie === undefined ? {} : { Cookie: cookie };
    expectPage(await browse({ target: '/callback/stitch-connect?code=abc', headers }), 400);
  });

  it.each(['POST', 'PUT', 'DELETE', 'OPTIONS', 'TRACE'])('refuses %s', async (method) => {
    expectPage(await browse({ method, target: '/callback/stitch-money', body: '{}' }));
  });

  it('answers any query with a page and repeats nothing of it', async () => {
    const pair = fc.tuple(
      fc.constantFrom('state', 'code', 'error', 'iss', 'scope', 'x', '__proto__'),
      fc.string({ unit: 'binary', minLength: 1 }),
    );
    const property = fc.asyncProperty(fc.array(pair, { maxLength: 6 }), async (pairs) => {
      const query = new URLSearchParams(pairs);
      const answer = await browse({ target: `/callback/stitch-money?marker${query.toString()}` });
      expectPage(answer, 400);
      expect(answer.body).not.toContain('marker');
    });
    await fc.assert(property, { numRuns: 80 });
    expect(target.world.vault.logs.join()).not.toContain('marker');
  });
});
