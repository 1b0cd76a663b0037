import { ConfigurationError, loadConfig, loadDatabaseConfig } from './index.js';
import type { Environment } from './index.js';

const KEY = Buffer.alloc(32, 5).toString('base64');
const SAFE = {
  NODE_ENV: 'production',
  DATABASE_URL: 'postgres://vault:pw@127.0.0.1:5432/vault',
  VAULT_KEYRING: `main:${KEY}`,
  PUBLIC_URL: 'https://link.example.com',
};

function refused(environment: Environment, load: typeof loadConfig | typeof loadDatabaseConfig) {
  try {
    load(environment);
  } catch (error) {
    if (error instanceof ConfigurationError) return error.problems.map(({ name }) => name).sort();
    throw error;
  }
  return [];
}

describe('in production', () => {
  it('a keyring with a key of nothing but zeros is refused, whichever it is', () => {
    const zeros = Buffer.alloc(32).toString('base64');
    for (const keyring of [`a:${zeros}`, `main:${KEY},a:${zeros}`]) {
      const environment = { ...SAFE, VAULT_KEYRING: keyring };
      expect(refused(environment, loadConfig)).toEqual(['VAULT_KEYRING']);
      expect(refused({ ...environment, NODE_ENV: 'test' }, loadConfig)).toEqual([]);
    }
  });

  it('certificates are verified', () => {
    const environment = { ...SAFE, NODE_TLS_REJECT_UNAUTHORIZED: '0' };
    expect(refused(environment, loadConfig)).toEqual(['NODE_TLS_REJECT_UNAUTHORIZED']);
    expect(refused({ ...environment, NODE_ENV: 'development' }, loadConfig)).toEqual([]);
    expect(refused({ ...SAFE, NODE_TLS_REJECT_UNAUTHORIZED: '1' }, loadConfig)).toEqual([]);
  });

  it.each([
    ['postgres://v:p@db/vault', false],
    ['postgres://v:p@db.example.com:5432/vault?sslmode=disable', false],
    ['postgres://v:p@db/vault?sslmode=prefer', false],
    ['postgres://v:p@db/vault?sslmode=require', false],
    ['postgres://v:p@localhost,db/vault', false],
    ['postgres://v:p@db/vault?sslmode=require&uselibpqcompat=true', false],
    ['postgres://v:p@db/vault?ssl=0', false],
    ['postgres://v:p@localhost.example.com/vault', false],
    ['postgres://v:p@127.0.0.1/vault?host=db', false],
    ['postgres://v:p@db/vault?sslmode=verify-full', true],
    ['postgres://v:p@db/vault?sslmode=verify-ca', true],
    ['postgres://v:p@localhost,127.0.0.1:5433/vault', true],
    ['postgres://v:p@db/vault?ssl=true', true],
    ['postgres://v:p@localhost/vault', true],
    ['postgres://v:p@[::1]:5432/vault', true],
    ['postgres:///vault?host=/var/run/postgresql', true],
    ['postgres://v:p@%2Fvar%2Frun%2Fpostgresql/vault', true],
  ])('a database at %s may be worked with: %s', (url, allowed) => {
    const environment = { ...SAFE, DATABASE_URL: url };
    const expected = allowed ? [] : ['DATABASE_URL'];
    expect(refused(environment, loadConfig)).toEqual(expected);
    expect(refused(environment, loadDatabaseConfig)).toEqual(expected);
    const said = { ...environment, DATABASE_ALLOW_PLAINTEXT: 'true' };
    expect(refused(said, loadConfig)).toEqual([]);
    expect(refused({ ...said, DATABASE_ALLOW_PLAINTEXT: 'yes' }, loadConfig)).toContain(
      'DATABASE_ALLOW_PLAINTEXT',
    );
  });
});

describe('without NODE_ENV', () => {
  it('no database of another machine is worked with by the defaults of development', () => {
    const unsaid = { ...SAFE, NODE_ENV: undefined };
    expect(refused(unsaid, loadConfig)).toEqual([]);
    const remote = { ...unsaid, DATABASE_URL: 'postgres://v:p@db/vault?sslmode=verify-full' };
    expect(refused(remote, loadConfig)).toEqual(['NODE_ENV']);
    expect(refused({ ...remote, NODE_ENV: 'development' }, loadConfig)).toEqual([]);
    // Operator commands know no environment.
    expect(refused(remote, loadDatabaseConfig)).toEqual([]);
  });
});
