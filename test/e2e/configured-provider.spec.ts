import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createConfiguredWorld } from '../support/configured-world.js';
import type { ConfiguredWorld } from '../support/configured-world.js';
import { startOidcProvider } from '../support/oidc-provider.js';
import type { OidcServer } from '../support/oidc-provider.js';
import { postRequest } from '../support/requests.js';
import { startAcme } from '../support/third-provider/server.js';
import { eventually } from '../support/wait.js';
import type { TokenAnswer } from '../support/world.js';

const tokenOf = async (answer: Response) => (await answer.json()) as TokenAnswer;
const SCOPES = ['openid', 'offline_access', 'accounts'];

async function forget(world: ConfiguredWorld, user: string, provider: string): Promise<void> {
  const [vault] = world.vaults;
  const path = `/tokens/${user}?provider=${provider}`;
  const answer = await vault?.request(path, { key: world.key, method: 'DELETE' });
  expect(answer?.status).toBe(204);
}

const revocationsOf = async ({ database }: ConfiguredWorld): Promise<number> =>
  (await database.query('SELECT 1 FROM stitch_revocations')).length;

describe('a provider by configuration: oidc-provider with client_secret_basic, ES256 and rotation', () => {
  let world: ConfiguredWorld;
  let server: OidcServer;
  beforeAll(async () => {
    world = await createConfiguredWorld('ledger');
    server = await startOidcProvider({
      redirectUri: world.redirectUri,
      clientAuthentication: 'client_secret_basic',
      algorithm: 'ES256',
    });
    await world.start({
      issuer: server.issuer,
      client_id: server.clientId,
      client_secret: ['tomorrow', server.clientSecret],
      scopes: SCOPES,
      authorization_parameters: { prompt: 'consent' },
      revocation: 'consent',
    });
  });
  afterAll(async () => {
    await world.close();
    await server.close();
  });

  it('links by the endpoints of its metadata, and serves a token that it accepts', async () => {
    const url = new URL(await world.authorizationUrl('ann'));
    expect(url.searchParams.get('prompt')).toBe('consent');
    expect(url.searchParams.get('code_challenge_method')).toBe('S256');
    expect((await world.link('ann')).status).toBe(200);
    for (const replica of [0, 1]) {
      const token = await tokenOf(await world.read('ann', replica));
      expect(token).toMatchObject({ provider: 'ledger', version: 1 });
      expect(await server.accepts(token.access_token, 'ann')).toBe(true);
    }
  });

  it('rotates once for 20 readers on two replicas', async () => {
    await world.link('bob');
    await world.makeStale('bob', 890);
    const before = server.stats.refreshes.answered;
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) => world.read('bob', index % 2)),
    );
    const tokens = await Promise.all(answers.map(tokenOf));
    expect(new Set(tokens.map(({ version }) => version))).toEqual(new Set([2]));
    expect(server.stats.refreshes.answered).toBe(before + 1);
    // A replica finds out once that the newest secret is not known yet; the token is not spent.
    expect(server.stats.refreshes.refused).not.toContain('invalid_grant');
  });

  it('answers 409 once the user has withdrawn the consent', async () => {
    await world.link('cat');
    await server.revoke('cat');
    await world.makeStale('cat', 890);
    expect(await (await world.read('cat')).json()).toMatchObject({ reason: 'grant_revoked' });
  });

  it('revokes what is deleted, at the endpoint of the metadata', async () => {
    await world.link('dan');
    const { access_token } = await tokenOf(await world.read('dan'));
    await forget(world, 'dan', 'ledger');
    await eventually('revoked', async () => !(await server.accepts(access_token, 'dan')));
    await eventually('the outbox is empty', async () => (await revocationsOf(world)) === 0);
  });

  it('revokes nothing of a subject that a living grant is left of, until the last is deleted', async () => {
    await world.link('eve');
    const first = await tokenOf(await world.read('eve'));
    await world.link('eve');
    await eventually('the outbox is empty', async () => (await revocationsOf(world)) === 0);
    expect(await server.accepts(first.access_token, 'eve')).toBe(true);
    const last = await tokenOf(await world.read('eve'));
    expect(last.access_token).not.toBe(first.access_token);
    await forget(world, 'eve', 'ledger');
    await eventually('revoked', async () => !(await server.accepts(last.access_token, 'eve')));
  });
});

describe('a provider by configuration: oidc-provider with client_secret_post, EdDSA, without rotation and revocation', () => {
  let world: ConfiguredWorld;
  let server: OidcServer;
  beforeAll(async () => {
    world = await createConfiguredWorld('plain-bank');
    server = await startOidcProvider({
      redirectUri: world.redirectUri,
      algorithm: 'EdDSA',
      rotates: false,
      revokes: false,
    });
    await world.start({
      issuer: server.issuer,
      client_id: server.clientId,
      client_secret: server.clientSecret,
      client_authentication: 'client_secret_post',
      scopes: SCOPES,
      authorization_parameters: { prompt: 'consent' },
    });
  });
  afterAll(async () => {
    await world.close();
    await server.close();
  });

  it('links, and renews again and again with the one refresh token that it has', async () => {
    expect((await world.link('ann')).status).toBe(200);
    for (let version = 1; version <= 3; version += 1) {
      if (version > 1) await world.makeStale('ann', 890);
      const token = await tokenOf(await world.read('ann', version % 2));
      expect(token.version).toBe(version);
      expect(await server.accepts(token.access_token, 'ann')).toBe(true);
    }
    expect(server.consumedOf('ann')).toEqual([]);
    expect(server.stats.refreshes.refused).toEqual([]);
  });

  it('leaves nothing to revoke behind when a grant is deleted', async () => {
    await world.link('bob');
    await forget(world, 'bob', 'plain-bank');
    await eventually('the outbox is empty', async () => (await revocationsOf(world)) === 0);
    const logs = world.vaults.flatMap(({ logs: lines }) => lines).join('');
    expect(logs).not.toContain('revocation.failed');
  });

  it('refuses a callback that names another server, or none', async () => {
    const exchanged = server.stats.codesExchanged;
    for (const iss of ['https://evil.example', '']) {
      const back = new URL(await world.authorizationUrl('eve'));
      const state = back.searchParams.get('state') ?? '';
      const callback = new URL(world.redirectUri);
      callback.search = new URLSearchParams({
        code: 'x',
        state,
        ...(iss ? { iss } : {}),
      }).toString();
      const answer = await fetch(callback, { redirect: 'manual' });
      expect([400, 502]).toContain(answer.status);
    }
    expect(server.stats.codesExchanged).toBe(exchanged);
  });
});

describe('a provider by configuration that demands what the vault does not do', () => {
  const against = async (
    demands: 'pushed requests' | 'DPoP',
    work: (world: ConfiguredWorld) => Promise<void>,
  ) => {
    const world = await createConfiguredWorld('strict');
    const server = await startOidcProvider({ redirectUri: world.redirectUri, demands });
    try {
      const { issuer, clientId: client_id, clientSecret: client_secret } = server;
      await world.start({
        ...{ issuer, client_id, client_secret, client_authentication: 'client_secret_post' },
        ...{ scopes: SCOPES, authorization_parameters: { prompt: 'consent' } },
      });
      await work(world);
    } finally {
      await world.close();
      await server.close();
    }
  };

  it('refuses a link to a server that wants pushed requests, before anybody is sent there', () =>
    against('pushed requests', async ({ vaults, key }) => {
      const body = { user_id: 'ann', provider: 'strict' };
      const answer = await postRequest({ vault: vaults[0]!, key }, body);
      expect(answer.status).toBe(502);
      expect(await answer.json()).toMatchObject({
        code: 'provider_misconfigured',
        reason: 'pushed_requests_required',
      });
    }));

  it('ends a link to a server that wants proofs with the word of the server', () =>
    against('DPoP', async (world) => {
      expect((await world.link('ann')).status).toBe(400);
      const requests = await world.database.query(
        'SELECT status, error FROM stitch_authorization_requests',
      );
      expect(requests).toEqual([{ status: 'failed', error: 'invalid_grant' }]);
      expect((await world.read('ann')).status).toBe(404);
    }));
});

describe('a provider by configuration: plain OAuth 2.0 without metadata', () => {
  it('links, rotates and forgets with its two endpoints alone', async () => {
    const acme = await startAcme();
    const world = await createConfiguredWorld('acme');
    try {
      await world.start({
        issuer: acme.url,
        authorization_endpoint: `${acme.url}/authorize`,
        token_endpoint: `${acme.url}/token`,
        client_id: acme.clientId,
        client_secret: acme.clientSecret,
        scopes: ['ledger:read'],
      });
      const url = await world.authorizationUrl('ann');
      const { headers } = await fetch(url, { redirect: 'manual' });
      const page = await fetch(headers.get('location') ?? '');
      expect(page.status).toBe(200);
      await world.makeStale('ann', 295);
      const token = await tokenOf(await world.read('ann', 1));
      expect(token).toMatchObject({ version: 2, scope: 'ledger:read' });
      expect(acme.isLive(token.access_token)).toBe(true);
      await forget(world, 'ann', 'acme');
      await eventually('the outbox is empty', async () => (await revocationsOf(world)) === 0);
    } finally {
      await world.close();
      await acme.close();
    }
  });
});

describe('a provider by configuration whose metadata can’t be had', () => {
  it('starts all the same; a link is 503 until it is there, and 502 when it is another’s', async () => {
    const answers: (object | undefined)[] = [];
    const server = createServer((_, response) => {
      const [answer] = answers;
      response.statusCode = answer ? 200 : 503;
      response.end(JSON.stringify(answer ?? {}));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const issuer = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
    const world = await createConfiguredWorld('late');
    try {
      await world.start({ issuer, client_id: 'id', client_secret: 'secret' });
      const [vault] = world.vaults;
      const begin = () =>
        postRequest({ vault: vault!, key: world.key }, { user_id: 'ann', provider: 'late' });
      const away = await begin();
      expect(away.status).toBe(503);
      expect(away.headers.get('retry-after')).toMatch(/^\d+$/);
      expect(await away.json()).toMatchObject({ code: 'provider_unavailable', reason: 'http_503' });
      const endpoints = { authorization_endpoint: `${issuer}/a`, token_endpoint: `${issuer}/t` };
      answers[0] = { issuer: 'https://evil.example', ...endpoints };
      const wrong = await eventually('it is asked again', async () => {
        const answer = await begin();
        return answer.status === 502 && answer;
      });
      expect(await wrong.json()).toMatchObject({
        code: 'provider_misconfigured',
        reason: 'metadata_issuer_mismatch',
      });
      answers[0] = { issuer, ...endpoints };
      await eventually('it links', async () => (await begin()).status === 201);
      answers.length = 0;
      expect((await begin()).status).toBe(201);
    } finally {
      await world.close();
      server.close();
    }
  });
});
