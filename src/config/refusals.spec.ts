import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { ConfigurationError, loadConfig } from './index.js';
import type { Environment } from './index.js';

const KEYRING = `main:${Buffer.alloc(32, 5).toString('base64')}`;
const MINIMAL = {
  DATABASE_URL: 'postgres://vault:pw@127.0.0.1:5432/vault',
  VAULT_KEYRING: KEYRING,
};

/** What is wrong with an environment; undefined when nothing is. */
function problemsOf(environment: Environment): ConfigurationError | undefined {
  try {
    loadConfig(environment);
  } catch (error) {
    if (error instanceof ConfigurationError) return error;
    throw error;
  }
  return undefined;
}
const refused = (environment: Environment) =>
  problemsOf({ ...MINIMAL, ...environment })?.problems.map(({ name }) => name) ?? [];

/** Every variable that can be wrong by its value alone. */
const FALLIBLE = [
  'NODE_ENV',
  'LOG_LEVEL',
  'PORT',
  'PUBLIC_PORT',
  'PUBLIC_URL',
  'DATABASE_URL',
  'DATABASE_POOL_SIZE',
  'VAULT_KEYRING',
  'STITCH_MONEY_ISSUER',
  'STITCH_MONEY_AUTHORIZATION_ENDPOINT',
  'STITCH_MONEY_TOKEN_ENDPOINT',
  'STITCH_MONEY_REVOCATION_ENDPOINT',
  'STITCH_MONEY_JWKS_URI',
  'STITCH_MONEY_SCOPES',
  'STITCH_CONNECT_API_URL',
  'STITCH_CONNECT_APP_URL',
  'RETURN_URL_ALLOWLIST',
  'AUTHORIZATION_REQUEST_TTL',
  'REFRESH_POLICY',
  'REFRESH_ACTIVE_WINDOW',
  'REFRESH_LEAD',
  'REFRESH_INTERVAL',
  'READ_CACHE_MEGABYTES',
  'REFRESH_CONCURRENCY',
  'PROVIDER_TIMEOUT',
  'MIN_TTL',
];

describe('a wrong configuration', () => {
  it('is refused as a whole: one line for each variable, by name', () => {
    const error = problemsOf(Object.fromEntries(FALLIBLE.map((name) => [name, '"'])));
    const names = error?.message.split('\n').map((line) => line.split(':')[0]);
    expect(names?.toSorted()).toEqual(FALLIBLE.toSorted());
  });

  it('is refused without ever repeating a value', () => {
    // Long and marked, so that it can't stand in a message by chance.
    const value = fc.string({ unit: 'grapheme', maxLength: 40 }).map((text) => `zQ7${text}7Qz`);
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...FALLIBLE), value), value, (wrong, secret) => {
        const environment = {
          ...wrong,
          STITCH_MONEY_CLIENT_SECRET: secret,
          STITCH_CONNECT_PARTNER_SECRET: secret,
        };
        const error = problemsOf(environment);
        expect(error).toBeDefined();
        expect(`${error?.message ?? ''}${JSON.stringify(error)}`).not.toMatch(/zQ7|7Qz/);
      }),
    );
  });

  it('is told from a right one whatever the text: numbers are numbers in their range', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.integer().map(String)), (text) => {
        const trimmed = text.trim();
        const good = trimmed === '' || (/^\d{1,9}$/.test(trimmed) && Number(trimmed) <= 3600);
        expect(refused({ MIN_TTL: text })).toEqual(good ? [] : ['MIN_TTL']);
      }),
    );
  });

  it.each([
    ['PORT', ['0', '1', '65535'], ['-1', '65536', '1.5', '1e3', '0x10', 'http', '٣']],
    ['REFRESH_INTERVAL', ['1', '3600'], ['0', '3601']],
    ['MIN_TTL', ['0', '3600'], ['3601']],
    ['DATABASE_POOL_SIZE', ['2', '200'], ['1', '201']],
    ['PROVIDER_TIMEOUT', ['1', '120'], ['0', '121']],
    ['REFRESH_POLICY', ['all', 'active', 'on-demand', 'paused'], ['ALL', 'none']],
    ['NODE_ENV', ['development', 'test'], ['staging']],
    ['STITCH_MONEY_SCOPES', ['openid', 'accounts openid'], ['accounts', 'openid "x"', '\\openid']],
  ])('%s takes %j and not %j', (name, good, bad) => {
    for (const value of good) expect([value, refused({ [name]: value })]).toEqual([value, []]);
    for (const value of bad) expect([value, refused({ [name]: value })]).toEqual([value, [name]]);
  });

  it.each(['STITCH_MONEY_ISSUER', 'STITCH_MONEY_TOKEN_ENDPOINT', 'STITCH_CONNECT_API_URL'])(
    '%s may be plain http on a loopback host only',
    (name) => {
      for (const host of ['localhost', '127.0.0.1:8080', '127.9.9.9', '[::1]:80']) {
        expect([host, refused({ [name]: `http://${host}/x` })]).toEqual([host, []]);
      }
      for (const host of ['example.com', '10.0.0.1', 'localhost.example.com', '127.0.0.1.nip.io']) {
        expect([host, refused({ [name]: `http://${host}` })]).toEqual([host, [name]]);
      }
      for (const url of ['https://u:p@example.com', 'https://example.com/#f', 'ftp://localhost']) {
        expect([url, refused({ [name]: url })]).toEqual([url, [name]]);
      }
    },
  );

  it.each([
    ['STITCH_MONEY_ISSUER', 'https://example.com/?q', /without credentials, query and fragment$/],
    ['STITCH_CONNECT_API_URL', 'https://example.com/?', /without credentials, query and fragment$/],
    ['STITCH_MONEY_TOKEN_ENDPOINT', 'https://example.com/#f', /without credentials and fragment$/],
    ['STITCH_MONEY_JWKS_URI', 'https://u:p@example.com', /without credentials and fragment$/],
  ])('%s=%s is told what it must not have', (name, url, expected) => {
    expect(problemsOf({ ...MINIMAL, [name]: url })?.problems).toEqual([
      { name, expected: expect.stringMatching(expected) },
    ]);
  });

  it.each([
    ['https://app.example.com', true],
    ['http://localhost:8080,https://app.example.com', true],
    ['https://app.example.com/', false],
    ['https://app.example.com/path', false],
    ['https://*.example.com', false],
    ['*', false],
    ['https://APP.example.com', false],
    ['https://app.example.com:443', false],
    ['https://app.example.com,', false],
    ['javascript:alert(1)', false],
    ['null', false],
  ])('RETURN_URL_ALLOWLIST takes exact origins alone: %s', (list, good) => {
    expect(refused({ RETURN_URL_ALLOWLIST: list })).toEqual(good ? [] : ['RETURN_URL_ALLOWLIST']);
  });
});

describe('NAME_FILE', () => {
  let directory: string;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'stitch-vault-config-'));
  });
  afterAll(() => {
    rmSync(directory, { recursive: true });
  });
  const file = (content: string, name = 'value') => {
    const path = join(directory, name);
    writeFileSync(path, content);
    return path;
  };

  it.each(['DATABASE_URL', 'VAULT_KEYRING'] as const)('gives %s, white space cut off', (name) => {
    const { [name]: value, ...rest } = MINIMAL;
    const fromFile = loadConfig({ ...rest, [`${name}_FILE`]: file(`\n${value}\n`) });
    expect(fromFile).toEqual(loadConfig(MINIMAL));
  });

  it('gives the secrets of the providers', () => {
    const config = loadConfig({
      ...MINIMAL,
      STITCH_MONEY_CLIENT_ID: 'id',
      STITCH_MONEY_CLIENT_SECRET_FILE: file('new\nold\n'),
      STITCH_CONNECT_PARTNER_ID: 'id',
      STITCH_CONNECT_PARTNER_SECRET_FILE: file('new,old\n', 'partner'),
    });
    expect(config.providers.stitchMoney?.clientSecrets).toEqual(['new', 'old']);
    expect(config.providers.stitchConnect?.partnerSecret).toBe('new,old');
  });

  it('is refused beside NAME, when it cannot be read and when it is empty, and never shown', () => {
    const without = { VAULT_KEYRING: KEYRING };
    const missing = join(directory, 'zz-missing');
    expect(refused({ DATABASE_URL_FILE: file('x') })).toEqual(['DATABASE_URL']);
    for (const path of [missing, directory, file('  \n')]) {
      const error = problemsOf({ ...without, DATABASE_URL_FILE: path });
      expect(error?.problems.map(({ name }) => name)).toEqual(['DATABASE_URL_FILE']);
      expect(error?.message).not.toContain(path);
    }
  });
});
