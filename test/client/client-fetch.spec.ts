import { VaultClient } from '../../clients/typescript/src/index.js';
import { createClient, freePort } from '../support/vault.js';
import { createWorld } from '../support/world.js';
import type { World } from '../support/world.js';
import {
  apiOf,
  clientOf,
  closeServers,
  endEarly,
  guardedApi,
  refusal,
  serve,
} from './client-world.js';
import type { FakeServer } from './client-world.js';

describe('the client’s fetch()', () => {
  let world: World;
  let client: VaultClient;
  /** Passes everything on to the vault, and so sees what a client asks of it. */
  let watched: FakeServer;
  beforeAll(async () => {
    world = await createWorld({ environment: { REFRESH_POLICY: 'on-demand' } });
    watched = await serve((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const { authorization = '' } = request.headers;
        const body = chunks.length > 0 ? Buffer.concat(chunks).toString() : undefined;
        const init = { headers: { authorization }, method: request.method, body };
        void world.vault.request(request.url ?? '', init).then(async (answer) => {
          response.writeHead(answer.status, Object.fromEntries(answer.headers));
          response.end(await answer.text());
        });
      });
    });
    client = new VaultClient({ url: watched.url, key: world.key });
  });
  beforeEach(() => {
    watched.requests.length = 0;
    world.sandbox.reset();
  });
  afterEach(() => closeServers(watched));
  afterAll(async () => {
    await watched.close();
    await world.close();
  });

  const query = { method: 'POST', body: '{"query":"{ user { id } }"}' };
  const reports = () => watched.requests.filter(({ url }) => url.endsWith('/rejections')).length;
  /** Links a user whose token the API refuses, while the vault thinks it good. */
  const linkedWithDeadToken = async (user: string) => {
    await world.link(user);
    const token = await client.token(user);
    await endEarly(world, token);
    return token;
  };

  it('sends the bearer, and nothing else that was not asked for', async () => {
    await world.link('ann');
    const api = await serve((_request, response) => response.end('ok'));
    const headers = { 'x-own': '1', authorization: 'Bearer mine' };
    const answer = await client.fetch('ann', `${api.url}/path?q=1`, { headers });
    expect(await answer.text()).toBe('ok');
    const { accessToken } = await client.token('ann');
    expect(api.requests).toMatchObject([
      { url: '/path?q=1', headers: { 'x-own': '1', authorization: `Bearer ${accessToken}` } },
    ]);
  });

  it('reports a 401 and sends the request again, body and all', async () => {
    const dead = await linkedWithDeadToken('bob');
    const answer = await client.fetch('bob', apiOf(world), query);
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({ data: { user: { __typename: 'User' } } });
    expect((await client.token('bob')).version).toBe(dead.version + 1);
    expect({ reports: reports(), ...world.sandbox.stats.snapshot() }).toMatchObject({
      ...{ reports: 1, refreshCalls: 1, apiCalls: 2 },
    });
  });

  it('causes one report and one rotation when 50 calls meet the same 401', async () => {
    await linkedWithDeadToken('cas');
    world.sandbox.switches.latencyMs = 20;
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => client.fetch('cas', apiOf(world), query)),
    );
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    expect(reports()).toBe(1);
    expect(world.sandbox.stats.snapshot()).toMatchObject({ refreshCalls: 1, maxPresentations: 1 });
  });

  it('does not report again what was reported, when a slow call meets the 401 late', async () => {
    await linkedWithDeadToken('dan');
    let letGo: (() => void) | undefined;
    const held = new Promise<void>((resolve) => (letGo = resolve));
    let calls = 0;
    const api = await serve((request, response) => {
      calls += 1;
      const mine = calls;
      void (mine === 1 ? held : Promise.resolve()).then(async () => {
        const { authorization = '' } = request.headers;
        const real = await fetch(apiOf(world), { ...query, headers: { authorization } });
        response.writeHead(real.status).end();
      });
    });
    const slow = client.fetch('dan', api.url, query);
    while (calls === 0) await new Promise((resolve) => setImmediate(resolve));
    expect((await client.fetch('dan', api.url, query)).status).toBe(200);
    letGo?.();
    expect((await slow).status).toBe(200);
    expect({ reports: reports(), rotations: world.sandbox.stats.rotations }).toEqual({
      ...{ reports: 1, rotations: 1 },
    });
  });

  it('reports a grant that was deleted and linked anew, although its versions begin again', async () => {
    await linkedWithDeadToken('deb');
    await client.fetch('deb', apiOf(world), query);
    await world.vault.request('/tokens/deb', { key: world.key, method: 'DELETE' });
    await linkedWithDeadToken('deb');
    expect((await client.fetch('deb', apiOf(world), query)).status).toBe(200);
  });

  it('returns the second 401 as it is, and never a third call', async () => {
    await world.link('eva');
    const api = await serve((_request, response) => response.writeHead(401).end('no'));
    const answer = await client.fetch('eva', api.url);
    expect({ status: answer.status, text: await answer.text() }).toEqual({
      status: 401,
      text: 'no',
    });
    expect({ calls: api.requests.length, reports: reports() }).toEqual({ calls: 2, reports: 1 });
  });

  it.each([
    ['a string', () => 'body', 'body'],
    ['a form', () => new URLSearchParams({ body: '1' }), 'body=1'],
    ['bytes', () => new TextEncoder().encode('body'), 'body'],
    ['a blob', () => new Blob(['body']), 'body'],
    ['multipart', multipart, 'form-data; name="body"'],
  ])('sends %s again', async (name, body, seen) => {
    // Each its own user: a token of an earlier link may be answered for a moment after a new one.
    const user = `flo-${name.replaceAll(' ', '-')}`;
    await linkedWithDeadToken(user);
    const api = await guardedApi(world);
    const answer = await client.fetch(user, api.url, { method: 'POST', body: body() });
    expect(answer.status).toBe(200);
    expect(api.bodies).toEqual([expect.stringContaining(seen), expect.stringContaining(seen)]);
  });

  it('takes a Request, whose body and headers it sends again, too', async () => {
    await linkedWithDeadToken('gus');
    const api = await guardedApi(world);
    const request = new Request(api.url, { ...query, headers: { 'x-own': 'yes' } });
    expect((await client.fetch('gus', request)).status).toBe(200);
    expect(api.bodies).toEqual([query.body, query.body]);
    expect(api.requests.map(({ headers }) => headers['x-own'])).toEqual(['yes', 'yes']);
    const used = await refusal(client.fetch('gus', request));
    expect(used).toMatchObject({ code: 'body_not_replayable', status: null });
    // One that is answered well at once is used up, too, as by the global fetch.
    const good = new Request(api.url, query);
    expect((await client.fetch('gus', good)).status).toBe(200);
    expect(good.bodyUsed).toBe(true);
    expect(api.bodies).toHaveLength(3);
  });

  it.each([
    ['a web stream', () => new Blob([query.body]).stream()],
    ['pieces', () => piecesOf(query.body)],
  ])('sends %s once, and tells of the 401 for which it can’t be sent again', async (name, body) => {
    const user = `hal-${name.replaceAll(' ', '-')}`;
    const dead = await linkedWithDeadToken(user);
    const api = await guardedApi(world);
    // What Node takes, and the types of its fetch don't know.
    const init = () => ({ method: 'POST', body: body(), duplex: 'half' }) as unknown as RequestInit;
    const error = await refusal(client.fetch(user, api.url, init()));
    expect(error).toMatchObject({ code: 'body_not_replayable', status: 401 });
    // The token was replaced: the caller's own second try is good.
    expect((await client.token(user)).version).toBe(dead.version + 1);
    expect((await client.fetch(user, api.url, init())).status).toBe(200);
    expect(api.bodies).toEqual([query.body, query.body]);
  });

  it('says why there is no other token', async () => {
    await world.link('ida', { untick: ['offline_access'] });
    await endEarly(world, await client.token('ida'));
    expect(await refusal(client.fetch('ida', apiOf(world), query))).toMatchObject({
      ...{ code: 'reauthorization_required', status: 409, reason: 'suspended' },
    });
    expect(world.sandbox.stats.apiCalls).toBe(1);
  });

  it('shows a key without the scope of a read as the vault’s 403', async () => {
    await world.link('jan');
    const key = await createClient(world.database.url, ['tokens:write']);
    const other = new VaultClient({ url: world.vault.internalUrl, key });
    expect(await refusal(other.fetch('jan', apiOf(world), query))).toMatchObject({
      ...{ code: 'forbidden', status: 403 },
    });
    expect(world.sandbox.stats.apiCalls).toBe(0);
  });

  it('never carries the bearer to another origin, nor believes the 401 of one', async () => {
    await world.link('kim');
    const elsewhere = await serve((_request, response) => response.writeHead(401).end());
    const api = await serve((_request, response) =>
      response.writeHead(307, { location: `${elsewhere.url}/elsewhere` }).end(),
    );
    expect((await client.fetch('kim', api.url)).status).toBe(401);
    expect(elsewhere.requests).toHaveLength(1);
    expect(elsewhere.requests[0]!.headers.authorization).toBeUndefined();
    expect(reports()).toBe(0);
  });

  it('ends with the caller’s signal, and lets the others go on', async () => {
    await linkedWithDeadToken('lea');
    world.sandbox.switches.latencyMs = 200;
    const controller = new AbortController();
    const { signal } = controller;
    const ended = client.fetch('lea', apiOf(world), { ...query, signal });
    const others = Array.from({ length: 3 }, () => client.fetch('lea', apiOf(world), query));
    while (reports() === 0) await new Promise((resolve) => setImmediate(resolve));
    controller.abort();
    await expect(ended).rejects.toMatchObject({ name: 'AbortError' });
    const answers = await Promise.all(others);
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(reports()).toBe(1);
    const options = { signal: AbortSignal.abort() };
    await expect(client.fetch('lea', apiOf(world), query, options)).rejects.toMatchObject({
      name: 'AbortError',
    });
  });

  it('passes on what fetch throws when the API cannot be reached', async () => {
    await world.link('max');
    const nowhere = `http://127.0.0.1:${String(await freePort())}`;
    await expect(client.fetch('max', nowhere)).rejects.toMatchObject({
      name: 'TypeError',
    });
    expect(await clientOf(world).token('max')).toMatchObject({ version: 1 });
  });
});

function multipart(): FormData {
  const form = new FormData();
  form.set('body', '1');
  return form;
}

async function* piecesOf(text: string): AsyncGenerator<Uint8Array> {
  for (const each of [text.slice(0, 5), text.slice(5)]) {
    yield await Promise.resolve(new TextEncoder().encode(each));
  }
}
