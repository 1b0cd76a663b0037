import { VaultClient } from '../../clients/typescript/src/index.js';
import { createClient } from '../support/vault.js';
import { createWorld } from '../support/world.js';
import type { World } from '../support/world.js';
import { clientOf, closeServers, everyTextOf, refusal, serve } from './client-world.js';

describe('the client’s token()', () => {
  let world: World;
  beforeAll(async () => {
    world = await createWorld({ environment: { REFRESH_POLICY: 'on-demand' } });
    await world.link('ann');
  });
  afterEach(() => {
    world.sandbox.reset();
  });
  afterEach(() => closeServers());
  afterAll(() => world.close());

  it('gives what the vault serves, in the names and types of TypeScript', async () => {
    const token = await clientOf(world).token('ann');
    expect(token).toEqual({
      accessToken: expect.stringMatching(/^[\w-]{20,}$/),
      tokenType: 'Bearer',
      expiresIn: expect.any(Number),
      expiresAt: expect.any(Date),
      scope: 'openid accounts balances transactions offline_access',
      provider: 'stitch-money',
      connection: 'default',
      version: 1,
    });
    expect(world.sandbox.isLive(token.accessToken)).toBe(true);
    const left = (token.expiresAt!.getTime() - Date.now()) / 1000;
    expect(Math.abs(left - token.expiresIn!)).toBeLessThan(5);
  });

  it('passes on provider, connection, min_ttl and scope', async () => {
    await world.link('ann', { connection: 'savings' });
    const client = clientOf(world);
    const savings = await client.token('ann', {
      ...{ provider: 'stitch-money', connection: 'savings' },
      ...{ minTtl: 60, scope: ['accounts', 'balances'] },
    });
    expect(savings).toMatchObject({ connection: 'savings', version: 1 });
    const lacking = await refusal(client.token('ann', { scope: 'accounts accountholders' }));
    expect(lacking).toMatchObject({
      ...{ name: 'VaultError', code: 'insufficient_scope', status: 403 },
      missingScopes: ['accountholders'],
    });
    expect(await refusal(client.token('ann', { minTtl: 5000 }))).toMatchObject({
      ...{ code: 'invalid_request', status: 400 },
      errors: { min_ttl: [expect.any(String)] },
    });
    const elsewhere = client.token('ann', { provider: 'nowhere' });
    expect(await refusal(elsewhere)).toMatchObject({ code: 'invalid_request' });
  });

  it('gives tokens of the client itself', async () => {
    const asked = { scope: ['client_paymentrequest'], minTtl: 60 };
    const token = await clientOf(world).clientToken('stitch-money', asked);
    expect(token).toEqual({
      accessToken: expect.stringMatching(/^[\w-]{20,}$/),
      tokenType: 'Bearer',
      expiresIn: expect.any(Number),
      expiresAt: expect.any(Date),
      scope: 'client_paymentrequest',
      provider: 'stitch-money',
    });
    expect(world.sandbox.isLive(token.accessToken)).toBe(true);
    const refused = clientOf(world).clientToken('stitch-money', { scope: 'accounts' });
    expect(await refusal(refused)).toMatchObject({
      ...{ code: 'insufficient_scope', status: 403, missingScopes: ['accounts'] },
    });
  });

  it('names each refusal of the vault by its code, with reason and time to wait', async () => {
    const client = clientOf(world);
    expect(await refusal(client.token('nobody'))).toMatchObject({
      ...{ code: 'token_not_found', status: 404, reason: null, retryAfter: null },
    });
    await world.link('eve', { untick: ['offline_access'] });
    await world.age('eve', 1000);
    expect(await refusal(client.token('eve'))).toMatchObject({
      ...{ code: 'reauthorization_required', status: 409, reason: 'no_refresh_token' },
    });
    await world.link('ben');
    await world.age('ben', 1000);
    world.sandbox.switches.down = true;
    const away = await refusal(client.token('ben'));
    expect(away).toMatchObject({ code: 'provider_unavailable', status: 503 });
    expect(away.retryAfter).toBeGreaterThan(0);
  });

  it('sends any user id as it is, and refuses those that no URL can hold', async () => {
    const client = clientOf(world);
    for (const id of ['a/b?c#d', '%2e%2e', '...', 'é ü', '../ann']) {
      const name = id.replaceAll(' ', '_');
      await world.link(name);
      expect((await client.token(name)).version).toBe(1);
    }
    for (const id of ['', '.', '..', '\ud800', undefined]) {
      const refused = await refusal(client.token(id!));
      expect(refused).toMatchObject({ code: 'invalid_request', status: null });
    }
  });

  it('asks for the key at each call, and once more when the vault does not know it', async () => {
    const narrow = await createClient(world.database.url, ['tokens:read']);
    const keys = ['stv_withdrawn', `${narrow}\n`];
    let asked = 0;
    const client = new VaultClient({
      url: world.vault.internalUrl,
      key: () => Promise.resolve(keys[Math.min(asked++, 1)]!),
    });
    await client.token('ann');
    expect(asked).toBe(2);
    await client.token('ann');
    expect(asked).toBe(3);
    const stale = new VaultClient({ url: world.vault.internalUrl, key: () => 'stv_withdrawn' });
    expect(await refusal(stale.token('ann'))).toMatchObject({ code: 'unauthorized', status: 401 });
  });

  it('says that the key could not be had, and nothing else of why', async () => {
    const missing = Object.assign(new Error('secret-path'), { code: 'ENOENT' });
    const failing = () => Promise.reject(missing);
    for (const key of [failing, () => '', () => 'two secret-lines\nsecret-more']) {
      const client = new VaultClient({ url: world.vault.internalUrl, key });
      const error = await refusal(client.token('ann'));
      expect(error.code).toBe('key_unavailable');
      expect(everyTextOf(error)).not.toContain('secret-');
    }
  });

  it('takes a URL with a path and slashes at its end, and no other that is odd', async () => {
    const server = await serve((request, response) => {
      const path = request.url?.replace('/deep/vault', '') ?? '';
      void world.vault.request(path, { key: world.key }).then(async (answer) => {
        response.writeHead(answer.status, { 'content-type': 'application/json' });
        response.end(await answer.text());
      });
    });
    const client = new VaultClient({ url: `${server.url}/deep/vault//`, key: world.key });
    expect(await client.token('ann')).toMatchObject({ version: 1 });
    expect(server.requests[0]!.url).toBe('/deep/vault/tokens/ann');
    for (const url of ['vault', 'ftp://vault', 'http://me:secret@vault', 'http://vault/?secret']) {
      expect(() => new VaultClient({ url, key: world.key })).toThrow(TypeError);
      expect(() => new VaultClient({ url, key: world.key })).toThrow(/^(?!.*secret)/);
    }
  });

  it('ends with the reason of the caller’s signal', async () => {
    const client = clientOf(world);
    const before = client.token('ann', { signal: AbortSignal.abort() });
    await expect(before).rejects.toMatchObject({ name: 'AbortError' });
    await world.link('cas');
    await world.age('cas', 1000);
    world.sandbox.switches.tokenFault = 'hang';
    const controller = new AbortController();
    const waiting = client.token('cas', { signal: controller.signal });
    controller.abort();
    await expect(waiting).rejects.toMatchObject({ name: 'AbortError' });
    const own = new Error('closing time');
    await expect(client.token('ann', { signal: AbortSignal.abort(own) })).rejects.toBe(own);
  });
});
