import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, symlinkSync, renameSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { StartError } from '../../src/start/start-error.js';
import { TestAuthority, writeCredentials } from '../support/certificates.js';
import { createDatabase } from '../support/database.js';
import { handshake, shownFingerprint, tlsRequest } from '../support/tls-request.js';
import { launchVault } from '../support/vault.js';
import { eventually } from '../support/wait.js';
import { createWorld } from '../support/world.js';
import type { World } from '../support/world.js';

/** Milliseconds within which a renewed certificate is shown. */
const RENEWED_MS = 10_000;

describe('both listeners with TLS', () => {
  let directory: string;
  let authority: TestAuthority;
  let world: World;
  let environment: Record<string, string>;
  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'stitch-vault-tls-'));
    authority = await TestAuthority.create();
    const internal = writeCredentials(join(directory, 'internal'), await authority.loopback());
    const browsers = writeCredentials(join(directory, 'public-1'), await authority.loopback());
    // As Kubernetes mounts secrets: a link that is moved to the directory of the new ones.
    symlinkSync(join(directory, 'public-1'), join(directory, 'public'));
    environment = {
      TLS_CERT_FILE: internal.certFile,
      TLS_KEY_FILE: internal.keyFile,
      PUBLIC_TLS_CERT_FILE: browsers.certFile.replace('public-1', 'public'),
      PUBLIC_TLS_KEY_FILE: browsers.keyFile.replace('public-1', 'public'),
    };
    world = await createWorld({ environment });
  });
  afterAll(async () => {
    await world.close();
    rmSync(directory, { recursive: true, force: true });
  });

  const get = (path: string, options = {}) =>
    tlsRequest(`${world.vault.internalUrl}${path}`, { ca: authority.pem, ...options });
  const fingerprintOf = ({ cert }: { cert: string }) => new X509Certificate(cert).fingerprint256;

  it('say that they speak it, serve by it, and nothing in the clear', async () => {
    const { internalUrl, publicUrl } = world.vault;
    expect([internalUrl, publicUrl].map((url) => url.split(':')[0])).toEqual(['https', 'https']);
    expect(await get('/health/ready')).toMatchObject({ status: 200 });
    const headers = { authorization: `Bearer ${world.key}` };
    expect(await get('/tokens/nobody', { headers })).toMatchObject({ status: 404 });
    expect(await get('/tokens/nobody')).toMatchObject({
      status: 401,
      headers: { 'www-authenticate': 'Bearer' },
    });
    const page = await tlsRequest(`${publicUrl}/callback/stitch-money?state=x`, {
      ca: authority.pem,
    });
    expect(page).toMatchObject({ status: 400 });
    for (const url of [internalUrl, publicUrl]) {
      await expect(fetch(url.replace('https:', 'http:'))).rejects.toThrow();
    }
  });

  it.each(['TLSv1', 'TLSv1.1'] as const)('refuse %s', async (version) => {
    for (const url of [world.vault.internalUrl, world.vault.publicUrl]) {
      const old = handshake(url, {
        ca: authority.pem,
        minVersion: 'TLSv1',
        maxVersion: version,
        // OpenSSL itself would not offer them otherwise.
        ciphers: 'DEFAULT@SECLEVEL=0',
      });
      await expect(old).rejects.toThrow(/protocol|version/i);
    }
  });

  it.each(['TLSv1.2', 'TLSv1.3'] as const)('speak %s', async (version) => {
    const options = { ca: authority.pem, minVersion: version, maxVersion: version };
    expect(await get('/health/live', options)).toMatchObject({ status: 200 });
  });

  it('show a renewed certificate within ten seconds, to new connections, without a restart', async () => {
    const next = await authority.loopback();
    writeCredentials(join(directory, 'internal'), next);
    await eventually(
      'the new certificate is shown',
      async () =>
        (await shownFingerprint(world.vault.internalUrl, authority.pem)) === fingerprintOf(next),
      RENEWED_MS,
    );
    const renewed = world.vault.logs.find((line) => line.includes('tls.renewed'));
    expect(JSON.parse(renewed ?? '')).toMatchObject({ listener: 'internal', level: 30 });
    expect(await get('/health/live')).toMatchObject({ status: 200 });
  });

  it('show one that came by a moved link, too', async () => {
    const next = await authority.loopback();
    writeCredentials(join(directory, 'public-2'), next);
    symlinkSync(join(directory, 'public-2'), join(directory, 'public-new'));
    renameSync(join(directory, 'public-new'), join(directory, 'public'));
    await eventually(
      'the new certificate is shown',
      async () =>
        (await shownFingerprint(world.vault.publicUrl, authority.pem)) === fingerprintOf(next),
      RENEWED_MS,
    );
  });

  it('keep the old one and say so when the new pair does not fit', async () => {
    const before = await shownFingerprint(world.vault.internalUrl, authority.pem);
    const broken = () =>
      world.vault.logs
        .filter((line) => line.includes('tls.not_renewed'))
        .map((line) => JSON.parse(line) as Record<string, unknown>);
    const gauge = `stitch_vault_tls_not_renewed{listener="internal"}`;
    const gaugeValue = async () => {
      const { body } = await get('/metrics');
      return body.split('\n').find((line) => line.startsWith(`${gauge} `));
    };
    const [one, other] = [await authority.loopback(), await authority.loopback()];
    writeCredentials(join(directory, 'internal'), { cert: one.cert, key: other.key });
    await eventually('it is reported', () => broken().length > 0, RENEWED_MS);
    expect(broken().at(-1)).toMatchObject({ variable: 'TLS_KEY_FILE', level: 50 });
    expect(await gaugeValue()).toBe(`${gauge} 1`);
    writeFileSync(join(directory, 'internal', 'tls.crt'), 'nothing');
    await eventually('the next one is reported', () => broken().length > 1, RENEWED_MS);
    expect(broken().at(-1)).toMatchObject({ variable: 'TLS_CERT_FILE' });
    expect(await shownFingerprint(world.vault.internalUrl, authority.pem)).toBe(before);
    expect(JSON.stringify(broken())).not.toContain('PRIVATE');

    writeCredentials(join(directory, 'internal'), one);
    await eventually(
      'the whole pair is shown',
      async () =>
        (await shownFingerprint(world.vault.internalUrl, authority.pem)) === fingerprintOf(one),
      RENEWED_MS,
    );
    expect(await gaugeValue()).toBe(`${gauge} 0`);
  });

  it('stop the start by one line for each file that cannot be used', async () => {
    const database = await createDatabase();
    const pair = writeCredentials(join(directory, 'start'), await authority.loopback());
    const other = writeCredentials(join(directory, 'other'), await authority.loopback());
    const start = async (variables: Record<string, string>) => {
      try {
        const vault = await launchVault({ DATABASE_URL: database.url, ...variables });
        await vault.stop();
        return '';
      } catch (error) {
        if (error instanceof StartError) return error.message;
        throw error;
      }
    };
    expect(await start({ TLS_CERT_FILE: pair.certFile, TLS_KEY_FILE: other.keyFile })).toBe(
      'TLS_KEY_FILE: the key of TLS_CERT_FILE',
    );
    expect(
      await start({
        TLS_CERT_FILE: join(directory, 'missing'),
        TLS_KEY_FILE: pair.keyFile,
        PUBLIC_TLS_CERT_FILE: pair.keyFile,
        PUBLIC_TLS_KEY_FILE: pair.keyFile,
      }),
    ).toBe(
      'TLS_CERT_FILE: a file that can be read\n' +
        'PUBLIC_TLS_CERT_FILE: a certificate in PEM, its chain after it',
    );
    expect(
      await start({
        TLS_CERT_FILE: pair.certFile,
        TLS_KEY_FILE: pair.keyFile,
        TLS_CLIENT_CA_FILE: pair.certFile,
      }),
    ).toBe('TLS_CLIENT_CA_FILE: certificates of CAs in PEM');
    await database.drop();
  });
});
