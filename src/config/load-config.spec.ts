import { ConfigurationError, loadConfig, loadDatabaseConfig } from './index.js';
import type { Environment } from './index.js';

const KEYRING = `main:${Buffer.alloc(32, 5).toString('base64')}`;
const MINIMAL = {
  DATABASE_URL: 'postgres://vault:pw@127.0.0.1:5432/vault',
  VAULT_KEYRING: KEYRING,
};
const CONNECTION = {
  servers: [{ host: '127.0.0.1', port: 5432 }],
  database: 'vault',
  user: 'vault',
  password: 'pw',
  tls: { mode: 'disable', ca: undefined, cert: undefined, key: undefined },
  needsWrites: false,
  options: undefined,
  poolSize: 10,
};
const MONEY = { STITCH_MONEY_CLIENT_ID: 'id', STITCH_MONEY_CLIENT_SECRET: 'secret' };
const CONNECT = { STITCH_CONNECT_PARTNER_ID: 'oc_id', STITCH_CONNECT_PARTNER_SECRET: 'oc_secret' };
const PRODUCTION = { ...MINIMAL, NODE_ENV: 'production', PUBLIC_URL: 'https://link.example.com' };

/** Names of the variables that are refused, sorted. */
function refused(environment: Environment): string[] {
  try {
    loadConfig(environment);
  } catch (error) {
    if (error instanceof ConfigurationError) return error.problems.map(({ name }) => name).sort();
    throw error;
  }
  return [];
}

describe('the configuration', () => {
  it('has the defaults of the contract', () => {
    expect(loadConfig({ ...MINIMAL, ...MONEY, ...CONNECT })).toEqual({
      process: { environment: 'development', logLevel: 'info' },
      listeners: {
        internal: { host: '127.0.0.1', port: 3000, tls: undefined },
        public: {
          host: '127.0.0.1',
          port: 3001,
          url: 'http://127.0.0.1:3001',
          tls: undefined,
          requestsPerSecond: 20,
          trustedProxies: [],
        },
      },
      callers: { jwt: undefined, requestsPerSecond: 0 },
      database: { ...CONNECTION, staleTrustMs: 900_000 },
      encryption: { keyring: [{ id: 'main', key: Buffer.alloc(32, 5) }] },
      providers: {
        stitchMoney: {
          issuer: 'https://secure.stitch.money',
          authorizationEndpoint: 'https://secure.stitch.money/connect/authorize',
          tokenEndpoint: 'https://secure.stitch.money/connect/token',
          revocationEndpoint: 'https://secure.stitch.money/connect/revocation',
          jwksUri: undefined,
          clientId: 'id',
          clientSecrets: ['secret'],
          clientKey: undefined,
          clientSecretExpiresAt: undefined,
          scopes: ['openid', 'accounts', 'balances', 'transactions', 'offline_access'],
        },
        stitchConnect: {
          apiUrl: 'https://api.stitchdata.com',
          appUrl: 'https://app.stitchdata.com',
          partnerId: 'oc_id',
          partnerSecret: 'oc_secret',
        },
        configured: [],
      },
      links: {
        returnUrlAllowlist: [],
        sameBrowser: false,
        displayName: undefined,
        requestTtlSeconds: 600,
      },
      audit: { retentionDays: 400 },
      cache: { bytes: 192 * 1024 * 1024 },
      tracing: { collector: undefined },
      refresh: {
        policy: 'all',
        activeWindowMs: 86_400_000,
        leadMs: 180_000,
        intervalMs: 5000,
        concurrency: 32,
        callsPerSecond: Infinity,
        providerTimeoutMs: 10_000,
        answerTimeoutMs: 120_000,
        minTtlSeconds: 30,
      },
      events: { webhook: undefined, receivers: [], expiringAheadMs: 14 * 86_400_000 },
      outbound: { https: undefined, http: undefined, exempt: [] },
      journal: { directory: '.data/spool', commitRetentionMs: 120_000 },
    });
  });

  it('takes every variable of the contract', () => {
    const config = loadConfig({
      ...PRODUCTION,
      ...CONNECT,
      LOG_LEVEL: 'warn',
      HOST: '0.0.0.0',
      PORT: '80',
      PUBLIC_HOST: '::',
      PUBLIC_PORT: '0',
      PUBLIC_URL: 'https://link.example.com/vault/',
      DATABASE_POOL_SIZE: '25',
      STITCH_MONEY_ISSUER: 'https://issuer.example.com/',
      STITCH_MONEY_AUTHORIZATION_ENDPOINT: 'https://a.example.com/authorize',
      STITCH_MONEY_TOKEN_ENDPOINT: 'https://t.example.com/token/?tenant=a%2Fb/',
      STITCH_MONEY_REVOCATION_ENDPOINT: 'https://r.example.com/revoke',
      STITCH_MONEY_JWKS_URI: 'https://j.example.com/jwks',
      STITCH_MONEY_CLIENT_ID: 'client',
      STITCH_MONEY_CLIENT_SECRET: 'newest, older',
      STITCH_MONEY_SCOPES: 'openid  accounts',
      STITCH_CONNECT_API_URL: 'https://api.example.com',
      STITCH_CONNECT_APP_URL: 'https://app.example.com',
      RETURN_URL_ALLOWLIST: 'https://app.example.com, http://localhost:8080',
      DISPLAY_NAME: 'Müller & Söhne',
      AUTHORIZATION_REQUEST_TTL: '60',
      STALE_TRUST: '0',
      REFRESH_POLICY: 'active',
      REFRESH_ACTIVE_WINDOW: '3600',
      REFRESH_LEAD: '90',
      REFRESH_INTERVAL: '3600',
      REFRESH_CONCURRENCY: '8',
      PROVIDER_TIMEOUT: '3',
      MIN_TTL: '0',
      SPOOL_DIR: '/var/spool/vault',
      COMMIT_RETENTION: '0',
      TLS_CERT_FILE: '/tls/crt',
      TLS_KEY_FILE: '/tls/key',
      TLS_CLIENT_CA_FILE: '/tls/ca',
      PUBLIC_TLS_CERT_FILE: '/public/crt',
      PUBLIC_TLS_KEY_FILE: '/public/key',
      AUTH_JWT_ISSUER: 'https://idp.example.com/',
      AUTH_JWT_AUDIENCE: 'vault',
      AUTH_JWT_JWKS_URI: 'https://idp.example.com/keys',
      CLIENT_REQUESTS_PER_SECOND: '50',
      PUBLIC_REQUESTS_PER_SECOND: '0',
      TRUSTED_PROXIES: '10.0.0.0/8, 2001:db8::/32, 192.0.2.1',
    });
    expect(config).toMatchObject({
      process: { environment: 'production', logLevel: 'warn' },
      listeners: {
        internal: {
          host: '0.0.0.0',
          port: 80,
          tls: { certFile: '/tls/crt', keyFile: '/tls/key', clientCaFile: '/tls/ca' },
        },
        public: {
          host: '::',
          port: 0,
          url: 'https://link.example.com/vault',
          tls: { certFile: '/public/crt', keyFile: '/public/key', clientCaFile: undefined },
          requestsPerSecond: 0,
          trustedProxies: ['10.0.0.0/8', '2001:db8::/32', '192.0.2.1'],
        },
      },
      callers: {
        jwt: {
          issuer: 'https://idp.example.com/',
          audience: 'vault',
          jwksUri: 'https://idp.example.com/keys',
        },
        requestsPerSecond: 50,
      },
      database: { poolSize: 25, staleTrustMs: 0 },
      providers: {
        stitchMoney: {
          issuer: 'https://issuer.example.com/',
          authorizationEndpoint: 'https://a.example.com/authorize',
          tokenEndpoint: 'https://t.example.com/token/?tenant=a%2Fb/',
          revocationEndpoint: 'https://r.example.com/revoke',
          jwksUri: 'https://j.example.com/jwks',
          clientId: 'client',
          clientSecrets: ['newest', 'older'],
          scopes: ['openid', 'accounts'],
        },
        stitchConnect: { apiUrl: 'https://api.example.com', appUrl: 'https://app.example.com' },
      },
      links: {
        returnUrlAllowlist: ['https://app.example.com', 'http://localhost:8080'],
        displayName: 'Müller & Söhne',
        requestTtlSeconds: 60,
      },
      refresh: {
        policy: 'active',
        activeWindowMs: 3_600_000,
        leadMs: 90_000,
        intervalMs: 3_600_000,
        concurrency: 8,
        providerTimeoutMs: 3000,
        answerTimeoutMs: 120_000,
        minTtlSeconds: 0,
      },
      journal: { directory: '/var/spool/vault', commitRetentionMs: 0 },
    });
  });

  it('derives what is not set from what is', () => {
    const config = loadConfig({
      ...MINIMAL,
      ...MONEY,
      PUBLIC_PORT: '8443',
      STITCH_MONEY_ISSUER: 'https://issuer.example.com/',
    });
    expect(config.listeners.public.url).toBe('http://127.0.0.1:8443');
    expect(config.providers.stitchMoney?.tokenEndpoint).toBe(
      'https://issuer.example.com/connect/token',
    );
  });

  it('turns a provider off without its credentials, and refuses half of them', () => {
    expect(loadConfig(MINIMAL).providers).toMatchObject({
      stitchMoney: undefined,
      stitchConnect: undefined,
    });
    for (const pair of [MONEY, CONNECT]) {
      const [id = '', secret = ''] = Object.keys(pair);
      expect(refused({ ...MINIMAL, [id]: 'x' })).toEqual([secret]);
      expect(refused({ ...MINIMAL, [secret]: 'x' })).toEqual([id]);
      expect(refused({ ...MINIMAL, [id]: 'x', [secret]: ' ' })).toEqual([secret]);
    }
    expect(refused({ ...MINIMAL, ...MONEY, STITCH_MONEY_CLIENT_SECRET: 'a,,b' })).toEqual([
      'STITCH_MONEY_CLIENT_SECRET',
    ]);
  });

  it.each([
    ['x', []],
    ['  Example Ltd  ', []],
    ['銀'.repeat(60), []],
    ['🏦'.repeat(60), []],
    ['<script>alert("x")</script>', []],
    ['x'.repeat(61), ['DISPLAY_NAME']],
    ['two\nlines', ['DISPLAY_NAME']],
    ['a\u0000b', ['DISPLAY_NAME']],
    ['a\u2028b', ['DISPLAY_NAME']],
    ['turned \u202eround', ['DISPLAY_NAME']],
    ['in\u200bvisible', ['DISPLAY_NAME']],
  ])('judges DISPLAY_NAME=%j', (name, expected) => {
    expect(refused({ ...MINIMAL, DISPLAY_NAME: name })).toEqual(expected);
  });

  it('refuses every development default in production', () => {
    expect(refused({ NODE_ENV: 'production' })).toEqual([
      'DATABASE_URL',
      'PUBLIC_URL',
      'VAULT_KEYRING',
    ]);
    expect(refused(PRODUCTION)).toEqual([]);
  });

  it.each([
    ['http://link.example.com', ['PUBLIC_URL']],
    ['http://127.0.0.1:3001', []],
    ['http://localhost:3001', []],
    ['http://[::1]:3001', []],
    ['http://localhost.example.com', ['PUBLIC_URL']],
    ['https://user:pw@link.example.com', ['PUBLIC_URL']],
    ['https://link.example.com/?a=b', ['PUBLIC_URL']],
    ['https://link.example.com/#a', ['PUBLIC_URL']],
    ['ftp://link.example.com', ['PUBLIC_URL']],
    ['link.example.com', ['PUBLIC_URL']],
  ])('judges PUBLIC_URL=%s in production', (url, expected) => {
    expect(refused({ ...PRODUCTION, PUBLIC_URL: url })).toEqual(expected);
  });

  it('needs nothing but a database for the operator commands', () => {
    expect(loadDatabaseConfig({ DATABASE_URL: MINIMAL.DATABASE_URL })).toEqual(CONNECTION);
    expect(() => loadDatabaseConfig({})).toThrow(/^DATABASE_URL: [^\n]+$/);
  });
});
