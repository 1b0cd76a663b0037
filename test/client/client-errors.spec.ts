import { inspect } from 'node:util';
import { VaultClient } from '../../clients/typescript/src/index.js';
import { freePort } from '../support/vault.js';
import { closeServers, everyTextOf, refusal, serve } from './client-world.js';

const KEY = 'stv_zzsecretkey';
const TOKEN = 'zzsecrettoken';

/** What stands in the vault's place: proxies, other programs, and a vault that says too much. */
describe('the client, before something that is no vault', () => {
  afterEach(() => closeServers());

  const answering = async (
    status: number,
    body: string,
    headers: Record<string, string> = { 'content-type': 'text/html' },
  ) => {
    const server = await serve((_request, response) =>
      response.writeHead(status, headers).end(body),
    );
    return new VaultClient({ url: server.url, key: KEY });
  };
  const token = {
    ...{ access_token: TOKEN, token_type: 'Bearer', expires_in: null, expires_at: null },
    ...{ scope: '', provider: 'p', connection: 'default', version: 1 },
  };

  it.each([
    [502, '<h1>Bad gateway</h1>'],
    [404, 'not here'],
    [200, '<html>log in</html>'],
    [200, '{"status":"ok"}'],
    [200, JSON.stringify({ ...token, access_token: `${TOKEN}\r\nx: y` })],
    [503, '{"error":"upstream"}'],
    [500, JSON.stringify({ code: `Bearer ${KEY}` })],
    [302, ''],
    [204, ''],
  ])('calls it vault_unreachable when %i %s answers', async (status, body) => {
    const client = await answering(status, body);
    const error = await refusal(client.token('ann'));
    expect(error).toMatchObject({ code: 'vault_unreachable', status });
    expect(everyTextOf(error)).not.toContain('zzsecret');
  });

  it('keeps what a proxy says about when to come back', async () => {
    const client = await answering(503, '<h1>busy</h1>', { 'retry-after': '7' });
    expect(await refusal(client.token('ann'))).toMatchObject({ status: 503, retryAfter: 7 });
  });

  it('never follows a redirect with its key', async () => {
    const other = await serve((_request, response) => response.end(JSON.stringify(token)));
    const client = await answering(307, '', { location: other.url });
    expect(await refusal(client.token('ann'))).toMatchObject({ code: 'vault_unreachable' });
    expect(other.requests).toEqual([]);
  });

  it('is vault_unreachable with status null when nothing answers, or not in time', async () => {
    const url = `http://127.0.0.1:${String(await freePort())}`;
    const nobody = new VaultClient({ url, key: KEY });
    const refused = await refusal(nobody.token('ann'));
    expect(refused).toMatchObject({ code: 'vault_unreachable', status: null, retryAfter: null });
    expect(refused.message).toBe('The vault did not answer (ECONNREFUSED).');
    const server = await serve(() => undefined);
    const late = new VaultClient({ url: server.url, key: KEY, timeoutMs: 20 });
    expect(await refusal(late.token('ann'))).toMatchObject({
      ...{ code: 'vault_unreachable', message: 'The vault did not answer in time.' },
    });
  });

  it('counts the time until the whole answer is there', async () => {
    const server = await serve((_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).write('{"access_');
    });
    const late = new VaultClient({ url: server.url, key: KEY, timeoutMs: 50 });
    expect(await refusal(late.token('ann'))).toMatchObject({ code: 'vault_unreachable' });
  });

  it('repeats nothing of what a fetch of the caller’s says', async () => {
    const failing = () => Promise.reject(new TypeError(`invalid header: Bearer ${KEY}`));
    const client = new VaultClient({ url: 'http://vault.test', key: KEY, fetch: failing });
    const error = await refusal(client.token('ann'));
    expect(error.code).toBe('vault_unreachable');
    expect(everyTextOf(error)).not.toContain('zzsecret');
  });

  it('uses the caller’s fetch for the vault and for the API', async () => {
    const asked: string[] = [];
    const own: typeof fetch = (input, init) => {
      const url = input instanceof Request ? input.url : input.toString();
      asked.push(`${init?.method ?? 'GET'} ${url}`);
      const isApi = url.startsWith('http://api.test');
      return Promise.resolve(isApi ? new Response('hello') : Response.json(token));
    };
    const client = new VaultClient({ url: 'http://vault.test/', key: KEY, fetch: own });
    expect(await (await client.fetch('ann', 'http://api.test/x')).text()).toBe('hello');
    expect(asked).toEqual(['GET http://vault.test/tokens/ann', 'GET http://api.test/x']);
  });

  it('gives a token that never expires, and the number of a stitch-connect account', async () => {
    const client = await answering(200, JSON.stringify({ ...token, stitch_account_id: 12 }));
    expect(await client.token('ann')).toMatchObject({
      ...{ accessToken: TOKEN, expiresIn: null, expiresAt: null, stitchAccountId: 12 },
    });
  });

  it('shows neither its key nor a token when it is printed', async () => {
    const client = await answering(200, JSON.stringify(token));
    await client.token('ann');
    const printed = inspect(client, { depth: 10, showHidden: true }) + JSON.stringify(client);
    expect(printed).not.toContain('zzsecret');
  });
});
