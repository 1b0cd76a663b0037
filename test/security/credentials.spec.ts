import { createHmac, createPublicKey } from 'node:crypto';
import { Agent } from 'node:https';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { JsonWebKey } from 'node:crypto';
import { CLIENT_SCOPES } from '../../src/common/index.js';
import type { ClientScope } from '../../src/common/index.js';
import { TestAuthority, writeCredentials } from '../support/certificates.js';
import type { Credentials } from '../support/certificates.js';
import { newIssuerKey, startIssuer } from '../support/issuer.js';
import type { IssuerKey, TestIssuer } from '../support/issuer.js';
import { tlsRequest } from '../support/tls-request.js';
import { createClient } from '../support/vault.js';
import { eventually } from '../support/wait.js';
import { createWorld } from '../support/world.js';
import type { World } from '../support/world.js';
import { controllerRoutes, exampleTarget } from './routes.js';
import type { Route } from './routes.js';

const base64url = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
const seconds = (fromNow: number) => Math.floor(Date.now() / 1000) + fromNow;
const spiffe = (name: string) => `spiffe://example.org/${name}`;

/** What a caller shows: a bearer, a certificate, or both. */
interface Shown {
  readonly bearer?: string;
  readonly certificate?: Credentials;
}

/** For those without a certificate, which is shown once for a connection. */
const agent = new Agent({ keepAlive: true });

describe('every guarded route of the internal listener', () => {
  let directory: string;
  let authority: TestAuthority;
  let issuer: TestIssuer;
  let key: IssuerKey;
  let world: World;
  let routes: Route[];
  const wrong = new Map<string, Shown>();
  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'stitch-vault-credentials-'));
    authority = await TestAuthority.create();
    key = await newIssuerKey('one', 'RS256');
    issuer = await startIssuer([key.jwk]);
    const { certFile, keyFile } = writeCredentials(directory, await authority.loopback());
    const clientCaFile = join(directory, 'clients.pem');
    writeFileSync(clientCaFile, authority.pem);
    world = await createWorld({
      environment: {
        TLS_CERT_FILE: certFile,
        TLS_KEY_FILE: keyFile,
        TLS_CLIENT_CA_FILE: clientCaFile,
        AUTH_JWT_ISSUER: issuer.url,
        AUTH_JWT_AUDIENCE: issuer.audience,
      },
    });
    routes = controllerRoutes(world.vault.app).filter(({ scope }) => scope !== 'open');
    await makeWrong();
  });
  afterAll(async () => {
    agent.destroy();
    await world.close();
    await issuer.close();
    rmSync(directory, { recursive: true, force: true });
  });

  /** A client that may do everything and proves itself in all three ways. */
  const boss = (name: string, rest: object = {}) =>
    createClient(world.database.url, ['admin'], {
      name,
      subject: name,
      certificate: spiffe(name),
      ...rest,
    });
  const certificate = (name: string, rest: object = {}) =>
    authority.issue({ names: [{ type: 'url', value: spiffe(name) }], ...rest });

  /** Every way to show something that is not to be believed, of clients that may do everything. */
  async function makeWrong(): Promise<void> {
    const good = await boss('good');
    const ended = { revoked: await boss('revoked'), expired: await boss('expired') };
    const { database } = world;
    await database.query(`UPDATE service_clients SET revoked_at = now() WHERE name = 'revoked'`);
    await database.query(`UPDATE service_clients SET expires_at = now() WHERE name = 'expired'`);
    const rotated = await boss('rotated');
    await database.query(`UPDATE service_clients SET key_hash = '\\x00' WHERE name = 'rotated'`);

    wrong.set('nothing', {});
    wrong.set('a wrong key', { bearer: `stv_${'x'.repeat(43)}` });
    wrong.set('a key in other letters', { bearer: good.toUpperCase() });
    wrong.set('a key that was replaced', { bearer: rotated });
    wrong.set('something else', { bearer: 'a.b' });
    for (const [name, bearer] of Object.entries(ended)) {
      wrong.set(`a key of a client that is ${name}`, { bearer });
      const token = await issuer.token(key, { sub: name });
      wrong.set(`a JWT of a client that is ${name}`, { bearer: token });
      wrong.set(`a certificate of a client that is ${name}`, {
        certificate: await certificate(name),
      });
    }

    const jwt = async (what: string, claims: object, header: object = {}, by = key) => {
      const token = await issuer.token(by, { sub: 'good', ...claims }, header);
      wrong.set(`a JWT ${what}`, { bearer: token });
    };
    await jwt('of nobody', { sub: 'nobody' });
    await jwt('of another issuer', { iss: 'https://issuer.example' });
    await jwt('for another audience', { aud: 'another' });
    await jwt('that has ended', { exp: seconds(-70) });
    await jwt('that has not begun', { nbf: seconds(3600) });
    await jwt('without an end', { exp: undefined });
    await jwt('of another kind', {}, { typ: 'logout+jwt' });
    await jwt('of an unknown key', {}, { kid: 'two' });
    await jwt('of a foreign key', {}, {}, await newIssuerKey('one', 'RS256'));
    const [, payload = '', signature = ''] = (await issuer.token(key, { sub: 'good' })).split('.');
    const critical = base64url({ alg: 'RS256', kid: 'one', crit: ['x'], x: 1 });
    wrong.set('a JWT with an unknown extension', {
      bearer: `${critical}.${payload}.${signature}`,
    });
    const none = base64url({ alg: 'none' });
    wrong.set('a JWT without a signature', { bearer: `${none}.${payload}.` });
    const hmac = `${base64url({ alg: 'HS256', kid: 'one' })}.${payload}`;
    const pem = createPublicKey({ key: key.jwk as JsonWebKey, format: 'jwk' });
    const secret = pem.export({ type: 'spki', format: 'pem' });
    const mac = createHmac('sha256', secret).update(hmac).digest('base64url');
    wrong.set('a JWT signed with the public key', { bearer: `${hmac}.${mac}` });

    wrong.set('a certificate of nobody', { certificate: await certificate('nobody') });
    wrong.set('a certificate without a name', { certificate: await authority.issue({}) });
    wrong.set('a certificate that has ended', {
      certificate: await certificate('good', { until: -60_000 }),
    });
    wrong.set('a certificate for servers', {
      certificate: await certificate('good', { usage: 'server' }),
    });
    const other = await TestAuthority.create();
    wrong.set('a certificate of another CA', {
      certificate: await other.issue({ names: [{ type: 'url', value: spiffe('good') }] }),
    });
    wrong.set('a wrong key beside a good certificate', {
      bearer: `stv_${'x'.repeat(43)}`,
      certificate: await certificate('good'),
    });
    await eventually('all of that is known', async () => {
      const route = { method: 'GET', path: '/grants', scope: 'admin' };
      const shown = [ended.revoked, ended.expired, rotated].map((bearer) =>
        call(route, { bearer }),
      );
      return (await Promise.all(shown)).every(({ status }) => status === 401);
    });
  }

  const call = (route: Route, { bearer, certificate: shown }: Shown, body?: object) =>
    tlsRequest(
      `${world.vault.internalUrl}${exampleTarget(route)}`,
      {
        method: route.method,
        ca: authority.pem,
        ...(shown ?? { agent }),
        headers: bearer === undefined ? {} : { authorization: `Bearer ${bearer}` },
      },
      route.method === 'POST' ? body : undefined,
    );

  it('answers whatever is wrong with a credential by one and the same 401', async () => {
    const bodies = new Set<string>();
    for (const route of routes) {
      for (const [what, shown] of wrong) {
        const { status, headers, body } = await call(route, shown);
        const challenge = headers['www-authenticate'];
        expect({ ...route, what, status, challenge }).toEqual({
          ...route,
          what,
          status: 401,
          challenge: 'Bearer',
        });
        bodies.add(body);
      }
    }
    expect(routes.length).toBeGreaterThan(8);
    expect([...bodies]).toHaveLength(1);
  });

  it('lets the scope in that it declares, and refuses each other one, whatever proves the client', async () => {
    for (const scope of CLIENT_SCOPES) {
      const name = `only-${scope.replace(':', '-')}`;
      const { url } = world.database;
      const identity = { name, subject: name, certificate: spiffe(name) };
      const bearer = await createClient(url, [scope], identity);
      const ways: Shown[] = [
        { bearer },
        { bearer: await issuer.token(key, { sub: name }) },
        { certificate: await certificate(name) },
      ];
      for (const route of routes) {
        for (const way of ways) {
          const { body, status } = await call(route, way);
          const forbidden = status === 403 && body.includes('"code":"forbidden"');
          const allowed = scope === 'admin' || scope === (route.scope as ClientScope);
          expect({ ...route, scope, forbidden }).toEqual({ ...route, scope, forbidden: !allowed });
          expect(status).not.toBe(401);
        }
      }
    }
  });

  it('refuses what is outside a restriction, or does not check any', async () => {
    const scopes = CLIENT_SCOPES.filter((scope) => scope !== 'admin');
    const name = 'restricted';
    await createClient(world.database.url, scopes, {
      ...{ name, subject: name, certificate: spiffe(name) },
      userPrefixes: ['nobody-begins-like-this'],
    });
    const ways: Shown[] = [
      { bearer: await issuer.token(key, { sub: name }) },
      { certificate: await certificate(name) },
    ];
    for (const route of routes.filter(({ path }) => /:(user_id|id)/.test(path))) {
      for (const way of ways) {
        // With a body that is right: routes look at restrictions once they know that it is.
        const right = route.path.endsWith('/rejections') ? { version: 1 } : { user_id: 'somebody' };
        const { body, status } = await call(route, way, right);
        expect({ ...route, status }).toEqual({ ...route, status: 403 });
        expect(body).toContain('"code":"forbidden"');
      }
    }
  });
});
