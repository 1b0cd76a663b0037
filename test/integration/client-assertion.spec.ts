import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { jwtVerify } from 'jose';
import { loadConfig } from '../../src/config/index.js';
import { configuredProviders } from '../../src/providers/configured/configured-providers.js';
import { ProviderHttp } from '../../src/providers/provider-http.js';
import { StitchMoneyProvider } from '../../src/providers/stitch-money/stitch-money.provider.js';
import { vaultEnvironment } from '../support/vault.js';

describe('a client that proves by a key who it is (private_key_jwt)', () => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const http = new ProviderHttp(5000, 2);
  const forms: URLSearchParams[] = [];
  const server = createServer((request, response) => {
    void text(request).then((form) => {
      forms.push(new URLSearchParams(form));
      response.end('{"access_token":"a","refresh_token":"r"}');
    });
  });
  let directory: string;
  let issuer: string;
  let keyFile: string;
  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'client-key-'));
    keyFile = join(directory, 'key.pem');
    writeFileSync(keyFile, privateKey.export({ type: 'pkcs8', format: 'pem' }));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    issuer = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
  });
  afterAll(async () => {
    await http.close();
    server.close();
    rmSync(directory, { recursive: true });
  });

  const load = async (environment: Record<string, string>) =>
    loadConfig(await vaultEnvironment({ DATABASE_URL: 'postgres://127.0.0.1/x', ...environment }))
      .providers;

  async function checkLastAssertion(): Promise<void> {
    const form = forms.at(-1);
    expect(form?.get('client_assertion_type')).toBe(
      'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    );
    expect(form?.has('client_secret')).toBe(false);
    const assertion = form?.get('client_assertion') ?? '';
    const { payload, protectedHeader } = await jwtVerify(assertion, publicKey, {
      ...{ issuer: 'client', subject: 'client', audience: issuer },
    });
    expect(protectedHeader).toMatchObject({ alg: 'ES256', kid: 'one' });
    expect(payload.jti).toEqual(expect.any(String));
  }

  it('signs each request of a configured provider', async () => {
    const file = join(directory, 'providers.json');
    const entry = {
      issuer,
      authorization_endpoint: `${issuer}/a`,
      token_endpoint: `${issuer}/t`,
      client_id: 'client',
      client_authentication: 'private_key_jwt',
      private_key_file: keyFile,
      private_key_id: 'one',
    };
    writeFileSync(file, JSON.stringify({ providers: { bank: entry } }));
    const { configured } = await load({ OAUTH_PROVIDERS_FILE: file });
    const [provider] = configuredProviders(configured, () => http);
    expect(await provider?.refresh('r')).toMatchObject({ accessToken: 'a', expiresIn: 3600 });
    await checkLastAssertion();
  });

  it('signs each request to stitch-money, in place of the secret', async () => {
    const { stitchMoney } = await load({
      STITCH_MONEY_ISSUER: issuer,
      STITCH_MONEY_CLIENT_ID: 'client',
      STITCH_MONEY_PRIVATE_KEY_FILE: keyFile,
      STITCH_MONEY_PRIVATE_KEY_ID: 'one',
    });
    const provider = new StitchMoneyProvider(stitchMoney!, http);
    expect(await provider.refresh('r')).toMatchObject({ accessToken: 'a', expiresIn: 900 });
    await checkLastAssertion();
  });

  it('is refused beside a secret, without its id, and with what is no key', async () => {
    const id = { STITCH_MONEY_CLIENT_ID: 'client' };
    const key = { STITCH_MONEY_PRIVATE_KEY_FILE: keyFile };
    await expect(load({ ...id, ...key, STITCH_MONEY_CLIENT_SECRET: 's' })).rejects.toThrow(
      /^STITCH_MONEY_PRIVATE_KEY_FILE: either/,
    );
    await expect(load(key)).rejects.toThrow(/^STITCH_MONEY_CLIENT_ID: to be set/);
    await expect(load({ ...id, STITCH_MONEY_PRIVATE_KEY: 'zz' })).rejects.toThrow(
      /^STITCH_MONEY_PRIVATE_KEY: a PEM private key[^\n]*$/,
    );
  });
});
