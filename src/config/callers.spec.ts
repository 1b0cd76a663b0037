import { ConfigurationError, loadConfig } from './index.js';
import type { Environment } from './index.js';

const MINIMAL = {
  DATABASE_URL: 'postgres://vault:pw@127.0.0.1:5432/vault',
  VAULT_KEYRING: `main:${Buffer.alloc(32, 5).toString('base64')}`,
};
const ISSUER = 'https://idp.example.com';

function refused(environment: Environment): string[] {
  try {
    loadConfig({ ...MINIMAL, ...environment });
  } catch (error) {
    if (error instanceof ConfigurationError) return error.problems.map(({ name }) => name).sort();
    throw error;
  }
  return [];
}

describe('who calls and how, by the configuration', () => {
  it.each<[Environment, string[]]>([
    [{ TLS_CERT_FILE: '/a' }, ['TLS_KEY_FILE']],
    [{ TLS_KEY_FILE: '/a' }, ['TLS_CERT_FILE']],
    [{ PUBLIC_TLS_CERT_FILE: '/a' }, ['PUBLIC_TLS_KEY_FILE']],
    [{ TLS_CLIENT_CA_FILE: '/a' }, ['TLS_CERT_FILE']],
    [{ TLS_CERT_FILE: '/a', TLS_KEY_FILE: '/b', TLS_CLIENT_CA_FILE: '/c' }, []],
    [{ AUTH_JWT_ISSUER: ISSUER }, ['AUTH_JWT_AUDIENCE']],
    [{ AUTH_JWT_ISSUER: ISSUER, AUTH_JWT_AUDIENCE: 'vault' }, []],
    [{ AUTH_JWT_AUDIENCE: 'vault' }, ['AUTH_JWT_ISSUER']],
    [{ AUTH_JWT_JWKS_URI: `${ISSUER}/keys` }, ['AUTH_JWT_ISSUER']],
    [{ AUTH_JWT_ISSUER: 'http://idp.example.com', AUTH_JWT_AUDIENCE: 'v' }, ['AUTH_JWT_ISSUER']],
    [{ AUTH_JWT_ISSUER: 'http://127.0.0.1:8080/realm', AUTH_JWT_AUDIENCE: 'v' }, []],
    [
      { AUTH_JWT_ISSUER: ISSUER, AUTH_JWT_AUDIENCE: 'v', AUTH_JWT_JWKS_URI: 'http://x/keys' },
      ['AUTH_JWT_JWKS_URI'],
    ],
    [{ CLIENT_REQUESTS_PER_SECOND: '0' }, ['CLIENT_REQUESTS_PER_SECOND']],
    [{ CLIENT_REQUESTS_PER_SECOND: '100001' }, ['CLIENT_REQUESTS_PER_SECOND']],
    [{ PUBLIC_REQUESTS_PER_SECOND: '-1' }, ['PUBLIC_REQUESTS_PER_SECOND']],
    [{ TRUSTED_PROXIES: '10.0.0.0/8,::1' }, []],
    [{ TRUSTED_PROXIES: '0.0.0.0/0' }, ['TRUSTED_PROXIES']],
    [{ TRUSTED_PROXIES: '::/0' }, ['TRUSTED_PROXIES']],
    [{ TRUSTED_PROXIES: '10.0.0.0/33' }, ['TRUSTED_PROXIES']],
    [{ TRUSTED_PROXIES: 'loopback' }, ['TRUSTED_PROXIES']],
    [{ TRUSTED_PROXIES: 'true' }, ['TRUSTED_PROXIES']],
    [{ TRUSTED_PROXIES: '10.0.0.1,' }, ['TRUSTED_PROXIES']],
  ])('%j is refused for %j', (environment, names) => {
    expect(refused(environment)).toEqual(names);
  });
});
