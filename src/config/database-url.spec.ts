import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigurationError, loadDatabaseConfig } from './index.js';
import type { Environment } from './index.js';

const read = (url: string, environment: Environment = {}) =>
  loadDatabaseConfig({ ...environment, DATABASE_URL: url });

function problemsOf(url: string, environment: Environment = {}) {
  try {
    read(url, environment);
  } catch (error) {
    if (error instanceof ConfigurationError) return error.problems;
    throw error;
  }
  return [];
}

describe('DATABASE_URL', () => {
  it.each([
    ['postgres://v:p@db/vault', [['db', 5432]]],
    ['postgresql://v:p@db:6432/vault', [['db', 6432]]],
    [
      'postgres://v:p@a:5433,b,[2001:db8::1]:5434/vault',
      [
        ['a', 5433],
        ['b', 5432],
        ['2001:db8::1', 5434],
      ],
    ],
    [
      'postgres:///vault?host=a,b&port=1,2',
      [
        ['a', 1],
        ['b', 2],
      ],
    ],
    [
      'postgres:///vault?host=a,b&port=6432',
      [
        ['a', 6432],
        ['b', 6432],
      ],
    ],
    ['postgres:///vault', [['localhost', 5432]]],
    ['postgres://v:p@%2Frun%2Fpostgresql/vault', [['/run/postgresql', 5432]]],
  ])('%s names its servers', (url, expected) => {
    expect(read(url).servers.map(({ host, port }) => [host, port])).toEqual(expected);
  });

  it('takes user, password and database as they are escaped', () => {
    const { user, password, database } = read('postgres://u%40x:p%25%2F@:%3A@db/v%20w');
    expect({ user, password, database }).toEqual({
      user: 'u@x',
      password: 'p%/@::',
      database: 'v w',
    });
    expect(read('postgres://db/vault?user=u&password=p%2Bq').password).toBe('p+q');
  });

  it.each([
    ['postgres://v:100%@db/vault', 'a URL in the password of which "%" is written as %25'],
    ['postgres://v%:p@db/vault', 'a URL in the user of which "%" is written as %25'],
    [
      'postgres://v:p@db/vault?sslmode=no-verify',
      expect.stringContaining('sslmode to be disable, allow'),
    ],
    ['postgres://v:p@db/vault?ssl=perhaps', expect.stringContaining('ssl to be true or false')],
    [
      'postgres://v:p@db/vault?target_session_attrs=standby',
      expect.stringContaining('target_session_attrs to be read-write'),
    ],
    [
      'postgres://v:p@db/vault?channel_binding=require',
      expect.stringContaining('channel_binding is disable or prefer'),
    ],
    [
      'postgres://v:p@db/vault?sslrootcert=system&sslmode=require',
      expect.stringContaining('sslrootcert'),
    ],
    [
      'postgres://v:p@db/vault?sslrootcert=/nowhere.pem',
      expect.stringContaining('sslrootcert to name a PEM file'),
    ],
    [
      'postgres://v:p@db/vault?sslcert=/nowhere.pem',
      expect.stringContaining('sslcert to name a PEM file'),
    ],
    [
      'postgres://v:p@a,b/vault?host=c,d,e&port=1,2',
      expect.stringContaining('as many ports as hosts'),
    ],
    ['postgres://v:p@a:0/vault', expect.stringContaining('ports')],
    ['postgres://v:p@a:70000,b/vault', expect.stringContaining('ports')],
    ['postgres://v:p@db/vault?hunter2', expect.stringContaining('with these parameters alone')],
    ['postgres://v:p@db', expect.stringContaining('postgres://user:password@host')],
    ['mysql://v:p@db/vault', expect.stringContaining('postgres://user:password@host')],
  ])('%s is refused by name', (url, expected) => {
    const problems = problemsOf(url);
    expect(problems[0]).toEqual({ name: 'DATABASE_URL', expected });
    expect(JSON.stringify(problems)).not.toMatch(/100%|hunter2/);
  });

  it('is completed by the variables of libpq, and wins over them', () => {
    const environment = {
      PGSSLMODE: 'require',
      PGPORT: '6432',
      PGHOST: 'db',
      PGTARGETSESSIONATTRS: 'read-write',
    };
    const { servers, tls, needsWrites } = read('postgres:///vault', environment);
    expect({ servers, mode: tls.mode, needsWrites }).toEqual({
      servers: [{ host: 'db', port: 6432 }],
      mode: 'require',
      needsWrites: true,
    });
    expect(read('postgres://x:1/vault?sslmode=disable', environment).tls.mode).toBe('disable');
    expect(problemsOf('postgres://db/vault', { PGSSLMODE: 'yes' })).toEqual([
      { name: 'PGSSLMODE', expected: expect.stringContaining('PGSSLMODE to be disable') },
    ]);
  });

  it('without an sslmode means TLS if the server has it, and none on this machine', () => {
    expect(read('postgres://db/vault').tls.mode).toBe('prefer');
    expect(read('postgres://127.0.0.1/vault').tls.mode).toBe('disable');
    expect(read('postgres://db/vault?ssl=true').tls.mode).toBe('verify-full');
    expect(read('postgres://db/vault?sslrootcert=system').tls.mode).toBe('verify-full');
  });

  it('makes verify-ca of require with a root certificate, as libpq does', () => {
    const directory = mkdtempSync(join(tmpdir(), 'stitch-vault-ca-'));
    const file = join(directory, 'ca.pem');
    writeFileSync(file, '-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n');
    expect(read(`postgres://db/vault?sslmode=require&sslrootcert=${file}`).tls.mode).toBe(
      'verify-ca',
    );
    expect(
      read('postgres://db/vault?sslmode=verify-full', { PGSSLROOTCERT: file }).tls.ca,
    ).toContain('BEGIN CERTIFICATE');
    rmSync(directory, { recursive: true });
  });

  it('means the server that takes writes where it names several', () => {
    expect(read('postgres://a,b/vault').needsWrites).toBe(true);
    expect(read('postgres://a,b/vault?target_session_attrs=any').needsWrites).toBe(false);
    expect(read('postgres://a/vault').needsWrites).toBe(false);
    expect(read('postgres://a/vault?target_session_attrs=primary').needsWrites).toBe(true);
  });
});
