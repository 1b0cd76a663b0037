import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DataSource } from 'typeorm';
import { ClientRegistry, ServiceClient } from '../../src/clients/index.js';
import { dataSourceOptions } from '../../src/database/index.js';
import { TestAuthority, writeCredentials } from '../support/certificates.js';
import type { CertificateWish, Credentials } from '../support/certificates.js';
import { tlsRequest } from '../support/tls-request.js';
import { createClient, keysOf } from '../support/vault.js';
import { eventually } from '../support/wait.js';
import { createWorld } from '../support/world.js';
import type { World } from '../support/world.js';
import { connectionTo } from '../support/database.js';

const PAYMENTS = 'spiffe://example.org/payments';
const uri = (value: string) => ({ type: 'url', value }) as const;
const dns = (value: string) => ({ type: 'dns', value }) as const;

describe('a client certificate', () => {
  let directory: string;
  let authority: TestAuthority;
  let world: World;
  let dataSource: DataSource;
  let registry: ClientRegistry;
  let clientCaFile: string;
  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'stitch-vault-certificates-'));
    authority = await TestAuthority.create();
    const { certFile, keyFile } = writeCredentials(directory, await authority.loopback());
    clientCaFile = join(directory, 'clients.pem');
    writeFileSync(clientCaFile, authority.pem);
    world = await createWorld({
      environment: {
        TLS_CERT_FILE: certFile,
        TLS_KEY_FILE: keyFile,
        TLS_CLIENT_CA_FILE: clientCaFile,
      },
    });
    dataSource = new DataSource({
      ...dataSourceOptions(connectionTo(world.database.url)),
      entities: [ServiceClient],
    });
    await dataSource.initialize();
    registry = new ClientRegistry(dataSource, keysOf());
    const withKey = false;
    const { url } = world.database;
    await createClient(url, ['tokens:read'], { name: 'payments', certificate: PAYMENTS, withKey });
    await createClient(url, ['tokens:read'], { name: 'web', certificate: 'Web.internal', withKey });
  });
  afterAll(async () => {
    await dataSource.destroy();
    await world.close();
    rmSync(directory, { recursive: true, force: true });
  });

  /** What a read answers: 404 to a caller who is known, for nobody is linked. */
  const read = async (credentials?: Credentials, headers: Record<string, string> = {}) => {
    const options = { ca: authority.pem, ...credentials, headers };
    return tlsRequest(`${world.vault.internalUrl}/tokens/nobody`, options);
  };
  const readWith = async (wish: CertificateWish) =>
    (await read(await authority.issue(wish))).status;

  it('is a caller by its URI or by its DNS name, whose case does not matter', async () => {
    expect(await readWith({ names: [uri(PAYMENTS)] })).toBe(404);
    expect(await readWith({ names: [dns('web.INTERNAL')] })).toBe(404);
    expect(await readWith({ names: [dns('other.internal'), uri(PAYMENTS)] })).toBe(404);
  });

  it('is asked for and not required: keys and /health work without one', async () => {
    const key = await createClient(world.database.url, ['tokens:read']);
    expect((await read(undefined, { authorization: `Bearer ${key}` })).status).toBe(404);
    const health = await tlsRequest(`${world.vault.internalUrl}/health/live`, {
      ca: authority.pem,
    });
    expect(health.status).toBe(200);
    expect((await read()).status).toBe(401);
  });

  it.each<[string, CertificateWish]>([
    ['nobody by its name', { names: [uri('spiffe://example.org/other')] }],
    ['without a name', {}],
    ['with the right name in another kind', { names: [dns(PAYMENTS)] }],
    ['with a DNS name that a URI client has', { names: [uri('web.internal')] }],
    ['with the names of two clients', { names: [uri(PAYMENTS), dns('web.internal')] }],
    ['with a name that begins right', { names: [uri(`${PAYMENTS}/x`)] }],
    ['with a name in another case', { names: [uri(PAYMENTS.toUpperCase())] }],
    ['with a name that holds another one', { names: [uri(`spiffe://x/y, URI:${PAYMENTS}`)] }],
    ['with a wildcard', { names: [dns('*.internal')] }],
    ['that has ended', { names: [uri(PAYMENTS)], until: -60_000 }],
    ['that has not begun', { names: [uri(PAYMENTS)], from: 60_000 }],
    ['that is meant for servers', { names: [uri(PAYMENTS)], usage: 'server' }],
  ])('%s is 401', async (_, wish) => {
    expect(await readWith(wish)).toBe(401);
  });

  it('of another CA is nobody’s, also of one that has the same name', async () => {
    for (const name of ['Test CA', 'Other CA']) {
      const other = await TestAuthority.create(name);
      const status = await read(await other.issue({ names: [uri(PAYMENTS)] })).then(
        (answer) => answer.status,
        () => 'no handshake',
      );
      expect([401, 'no handshake']).toContain(status);
    }
  });

  it('does not help a wrong header: that decides', async () => {
    const good = await authority.issue({ names: [uri(PAYMENTS)] });
    for (const authorization of [
      'Bearer stv_wrong',
      `Bearer stv_${'x'.repeat(43)}`,
      'Basic x',
      ' ',
    ]) {
      expect({ authorization, ...(await read(good, { authorization })) }).toMatchObject({
        authorization,
        status: 401,
      });
    }
    const key = await createClient(world.database.url, ['tokens:write']);
    // The key's client is the caller, who may not read; the certificate's might.
    expect((await read(good, { authorization: `Bearer ${key}` })).status).toBe(403);
  });

  it('is worth what its client is: restrictions, expiry, and revocation within a second', async () => {
    const name = 'spiffe://example.org/brief';
    const good = await authority.issue({ names: [uri(name)] });
    const become = (status: number, limit: number) =>
      eventually(
        `it is ${String(status)}`,
        async () => (await read(good)).status === status,
        limit,
      );
    const client = { name: 'brief', scopes: ['tokens:read'], certificate: name, withKey: false };
    await registry.add({ ...client, expiresInSeconds: 1 });
    await become(404, 1000);
    await become(401, 2000);
    await registry.add({ ...client, userPrefixes: ['a-'] });
    await become(403, 1000);
    await registry.revoke('brief');
    await become(401, 1000);
  });

  it('can be one client’s only', async () => {
    const client = { name: 'second', scopes: ['tokens:read'], withKey: false };
    for (const certificate of [PAYMENTS, 'WEB.internal']) {
      const refused = registry.add({ ...client, certificate });
      await expect(refused).rejects.toMatchObject({ code: 'identity_taken' });
    }
    const two = ['third', 'fourth'].map((name) =>
      registry.add({ ...client, name, certificate: 'both.internal' }),
    );
    const outcomes = await Promise.allSettled(two);
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });

  it('of a CA that was taken out of the file is nobody’s within ten seconds', async () => {
    const good = await authority.issue({ names: [uri(PAYMENTS)] });
    expect((await read(good)).status).toBe(404);
    writeFileSync(clientCaFile, (await TestAuthority.create('Next CA')).pem);
    await eventually('it is refused', async () => (await read(good)).status === 401, 10_000);
  });
});
