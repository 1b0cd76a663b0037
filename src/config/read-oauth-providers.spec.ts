import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigurationError, EnvironmentReader } from './environment-reader.js';
import { readOAuthProviders } from './read-oauth-providers.js';

const GOOD = { issuer: 'https://id.example', client_id: 'id', client_secret: 'zz-secret' };

describe('the file of further providers', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'oauth-providers-'));
  });
  afterEach(() => {
    rmSync(directory, { recursive: true });
  });

  const write = (name: string, content: string) => {
    const path = join(directory, name);
    writeFileSync(path, content);
    return path;
  };
  const readText = (text: string) => {
    const reader = new EnvironmentReader({ OAUTH_PROVIDERS_FILE: write('file.json', text) });
    const providers = readOAuthProviders(reader);
    reader.finish();
    return providers;
  };
  const read = (providers: object) => readText(JSON.stringify({ providers }));
  const problems = (run: () => unknown): string => {
    try {
      run();
    } catch (error) {
      if (error instanceof ConfigurationError) return error.message;
      throw error;
    }
    return '';
  };

  it('is not needed', () => {
    expect(readOAuthProviders(new EnvironmentReader({}))).toEqual([]);
  });

  it('has the defaults of the contract', () => {
    expect(read({ xero: GOOD })).toEqual([
      {
        name: 'xero',
        issuer: 'https://id.example',
        authorizationEndpoint: undefined,
        tokenEndpoint: undefined,
        revocationEndpoint: undefined,
        jwksUri: undefined,
        clientId: 'id',
        clientAuthentication: 'client_secret_basic',
        clientSecrets: ['zz-secret'],
        clientKey: undefined,
        clientSecretExpiresAt: undefined,
        scopes: [],
        openid: false,
        authorizationParameters: {},
        accessTokenLifetime: 3600,
        refreshTokenIdleSeconds: null,
        revocation: 'token',
      },
    ]);
  });

  it('expects an id_token where openid is a scope, unless it says otherwise', () => {
    const scopes = ['openid', 'offline_access'];
    expect(read({ a: { ...GOOD, scopes } })[0]?.openid).toBe(true);
    expect(read({ a: { ...GOOD, scopes, openid: false } })[0]?.openid).toBe(false);
  });

  it('takes secrets as a list, or from a file with one on each line', () => {
    const list = { ...GOOD, client_secret: ['new', 'old'] };
    expect(read({ a: list })[0]?.clientSecrets).toEqual(['new', 'old']);
    const secretFile = write('secret', 'new\nold\n');
    const file = { ...GOOD, client_secret: undefined, client_secret_file: secretFile };
    expect(read({ a: file })[0]?.clientSecrets).toEqual(['new', 'old']);
  });

  it.each([
    ['rsa', { modulusLength: 2048 }, 'RSASSA-PKCS1-v1_5'],
    ['ec', { namedCurve: 'P-256' }, 'ECDSA'],
    ['ed25519', {}, 'Ed25519'],
  ] as const)('takes a key of the type %s', (type, options, name) => {
    const { privateKey } = generateKeyPairSync(type as 'rsa', options as { modulusLength: 2048 });
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    const [provider] = read({
      a: {
        ...{ issuer: GOOD.issuer, client_id: 'id', client_authentication: 'private_key_jwt' },
        ...{ private_key_file: write('key.pem', pem), private_key_id: 'one' },
      },
    });
    expect(provider?.clientKey).toMatchObject({ id: 'one', algorithm: { name } });
    expect(provider?.clientSecrets).toEqual([]);
  });

  it.each<[string, object | null]>([
    ['a.issuer', { ...GOOD, issuer: 'http://zz.example' }],
    ['a.issuer', { ...GOOD, issuer: undefined }],
    ['a.token_endpoint', { ...GOOD, token_endpoint: 'zz' }],
    ['a.jwks_uri', { ...GOOD, jwks_uri: 7 }],
    ['a.client_id', { ...GOOD, client_id: '' }],
    ['a.client_secret', { ...GOOD, client_secret: [] }],
    ['a.client_secret', { ...GOOD, client_secret: undefined }],
    ['a.client_secret', { ...GOOD, client_secret_file: 'zz' }],
    ['a.client_secret_file', { ...GOOD, client_secret: undefined, client_secret_file: '/zz/zz' }],
    ['a.client_secret', { ...GOOD, client_authentication: 'none' }],
    ['a.client_authentication', { ...GOOD, client_authentication: 'zz' }],
    ['a.private_key_file', { ...GOOD, private_key_file: '/zz/zz' }],
    [
      'a.private_key_file',
      { ...GOOD, client_secret: undefined, client_authentication: 'private_key_jwt' },
    ],
    ['a.scopes', { ...GOOD, scopes: 'zz zz' }],
    ['a.scopes', { ...GOOD, scopes: ['zz"'] }],
    ['a.openid', { ...GOOD, openid: 'zz' }],
    ['a.access_token_lifetime', { ...GOOD, access_token_lifetime: 0 }],
    ['a.revocation', { ...GOOD, revocation: 'everything' }],
    ['a.authorization_parameters', { ...GOOD, authorization_parameters: { a: 7 } }],
    [
      'a.authorization_parameters.state',
      { ...GOOD, authorization_parameters: { state: 'zz', prompt: 'consent' } },
    ],
    ['a.clientid', { ...GOOD, clientid: 'zz' }],
    ['a', null],
    ['stitch-money', GOOD],
  ])('one line for the problem %s, and no value', (name, entry) => {
    const provider = name.split('.')[0] ?? '';
    const message = problems(() => read({ [provider]: entry }));
    expect(message.split('\n')).toHaveLength(1);
    expect(message.startsWith(`OAUTH_PROVIDERS_FILE ${name}: `)).toBe(true);
    expect(message).not.toContain('zz');
  });

  it.each(['', 'zz', '[]', '{}', '{"providers":[]}', '{"providers":{},"zz":1}'])(
    'is refused as a whole when it is %j',
    (text) => {
      const message = problems(() => readText(text));
      expect(message).toMatch(/^OAUTH_PROVIDERS_FILE: /);
      expect(message).not.toContain('zz');
    },
  );

  it.each(['Zz', 'zz_zz', 'z'.repeat(41), ''])('repeats no name like %j', (name) => {
    const message = problems(() => read({ [name]: GOOD }));
    expect(message).toMatch(/^OAUTH_PROVIDERS_FILE: names of providers/);
    expect(message).not.toContain('zz');
  });
});
