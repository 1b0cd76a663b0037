import fc from 'fast-check';
import { expectProblem } from './refusals.js';
import { controllerRoutes, exampleTarget } from './routes.js';
import { useTarget } from './target.js';

const nested = (levels: number) => '['.repeat(levels) + ']'.repeat(levels);

describe('hostile bodies to the internal API', () => {
  const hit = useTarget();
  const { call } = hit;

  const post = (
    body: string | Buffer,
    contentType = 'application/json',
    target = '/authorization-requests',
  ) =>
    call({
      method: 'POST',
      target,
      headers: { 'Content-Type': contentType },
      body,
    });

  const postTargets = () =>
    controllerRoutes(hit.world.vault.app)
      .filter(({ method }) => method === 'POST')
      .map(exampleTarget);

  it.each([
    ['nothing', ''],
    ['null', 'null'],
    ['an array', '[]'],
    ['a string', '"user_id"'],
    ['a number', '1'],
    ['true', 'true'],
    ['broken JSON', '{"user_id": "ann"'],
    ['JSON and more', '{"user_id": "ann"} x'],
    ['bytes that are no UTF-8', Buffer.from([0x22, 0xff, 0xfe, 0x22])],
    ['an id that is no UTF-8', Buffer.from('{"user_id":"ann\xff"}', 'latin1')],
    ['an object with __proto__', '{"user_id":"ann","__proto__":{"polluted":true}}'],
    ['an object with constructor', '{"user_id":"a","constructor":{"prototype":{"polluted":1}}}'],
    ['an object with a plain constructor', '{"user_id":"ann","version":1,"constructor":1}'],
    ['an object with toString', '{"user_id":"ann","version":1,"toString":"x"}'],
    ['deep arrays', nested(30_000)],
    ['a deep user_id', `{"user_id":${nested(30_000)}}`],
    ['deep scopes', `{"user_id":"ann","scopes":${nested(30_000)}}`],
    ['deep objects', `{"user_id":${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}}`],
    ['an unknown deep member', `{"user_id":"ann","x":${nested(20_000)}}`],
    ['thousands of members', JSON.stringify(Object.fromEntries(Array(4000).entries()))],
    ['thousands of scopes', `{"user_id":"ann","scopes":[${Array(8000).fill('"a"').join()}]}`],
  ])('refuses, wherever a body is taken, one that is %s', async (_, body) => {
    for (const target of postTargets()) {
      expectProblem(await post(body, 'application/json', target), 400);
    }
  });

  it('says by field what it misses in a body that is not there', async () => {
    const answer = await post('');
    expectProblem(answer, 400);
    expect(JSON.parse(answer.body)).toMatchObject({ errors: { user_id: expect.any(Array) } });
  });

  it('takes an empty body for none, where none is needed', async () => {
    const deletion = { method: 'DELETE', target: '/tokens/nobody' };
    for (const contentType of ['application/json', 'application/json; charset=utf-8']) {
      const headers = { 'Content-Type': contentType };
      expect(await call({ ...deletion, headers })).toMatchObject({ status: 204 });
      expect(await call({ ...deletion, headers, body: '' })).toMatchObject({ status: 204 });
      const chunked = { ...headers, 'Transfer-Encoding': 'chunked' };
      const answer = await call({ ...deletion, headers: chunked, chunks: '0\r\n\r\n' });
      expect(answer).toMatchObject({ status: 204 });
    }
  });

  it('reads every spelling of UTF-8, and no other charset', async () => {
    const body = JSON.stringify({ user_id: 'zoë' });
    for (const charset of ['utf-8', 'UTF-8', '"utf-8"', 'utf8']) {
      const answer = await post(body, `application/json; charset=${charset}`);
      expect({ charset, status: answer.status }).toEqual({ charset, status: 201 });
    }
    for (const charset of ['latin1', '"iso-8859-1"', 'utf-16', 'utf-8x']) {
      expectProblem(await post(body, `application/json; charset=${charset}`), 415);
    }
  });

  it.each([
    ['user_id', '"a\\u0000b"'],
    ['user_id', '"\\ud800"'],
    ['user_id', '"\\udc00\\ud800"'],
    ['user_id', '{"toString":"x"}'],
    ['user_id', '["ann"]'],
    ['user_id', '7'],
    ['provider', '"__proto__"'],
    ['provider', '"constructor"'],
    ['provider', '["stitch-money"]'],
    ['connection', '"..%2f"'],
    ['connection', '"a\\u0000"'],
    ['connection', '{"length":1}'],
    ['scopes', '"open\\u0000id"'],
    ['scopes', '[["openid"]]'],
    ['scopes', '[{}]'],
    ['scopes', '{"0":"openid","length":1}'],
    ['scopes', '[]'],
    ['return_to', '"javascript:alert(1)"'],
    ['return_to', '"//evil.example"'],
    ['return_to', '"https://evil.example"'],
    ['return_to', '"\\ud800"'],
    ['prefill', '{"email":"\\ud800@example.com"}'],
    ['return_to', '"http://[::1"'],
    ['confirm', '"true"'],
    ['confirm', '1'],
  ])('refuses %s: %s', async (name, json) => {
    const answer = await post(`{"user_id":"ann",${JSON.stringify(name)}:${json}}`);
    expectProblem(answer, 400);
    expect(answer.body).toContain(name);
  });

  it('answers any JSON in any member with a refusal or an authorization request', async () => {
    const names = ['user_id', 'provider', 'connection', 'scopes', 'return_to', 'confirm'];
    const value = fc.oneof(fc.string({ unit: 'binary' }), fc.jsonValue({ maxDepth: 3 }));
    const property = fc.asyncProperty(fc.constantFrom(...names), value, async (name, member) => {
      const answer = await post(JSON.stringify({ user_id: 'ann', [name]: member }));
      if (answer.status !== 201) expectProblem(answer, 400);
    });
    await fc.assert(property, { numRuns: 150 });
  });

  it.each([
    ['text/plain', '{"user_id":"ann"}'],
    ['application/x-www-form-urlencoded', 'user_id=ann'],
    ['multipart/form-data; boundary=x', '--x--'],
    ['application/xml', '<user_id>ann</user_id>'],
    ['application/jsonx', '{"user_id":"ann"}'],
    ['garbage', '{"user_id":"ann"}'],
    ['', '{"user_id":"ann"}'],
  ])('refuses the content type "%s"', async (contentType, body) => {
    expectProblem(await post(body, contentType), 415);
  });

  it('refuses a body larger than the limit, announced or not', async () => {
    const large = JSON.stringify({ user_id: 'a'.repeat(70_000) });
    expectProblem(await post(large), 413);
    const chunk = `${large.length.toString(16)}\r\n${large}\r\n0\r\n\r\n`;
    expectProblem(
      await call({
        method: 'POST',
        target: '/authorization-requests',
        headers: { 'Content-Type': 'application/json', 'Transfer-Encoding': 'chunked' },
        chunks: chunk,
      }),
      413,
    );
  });

  it('refuses a body where the route takes none', async () => {
    const answer = await call({
      method: 'GET',
      target: '/authorization-requests/x',
      headers: { 'Content-Type': 'application/json' },
      body: nested(100),
    });
    expectProblem(answer, 400);
  });
});
