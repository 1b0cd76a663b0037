import { createDatabase } from '../support/database.js';
import type { TestDatabase } from '../support/database.js';
import { cleanUp, runCli } from './programs.js';

type Document = Record<string, unknown>;

describe('clients create and rotate', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createDatabase();
  });
  afterAll(async () => {
    await cleanUp();
    await database.drop();
  });

  const cli = (...args: string[]) => runCli(['clients', ...args], { DATABASE_URL: database.url });
  const json = async (...args: string[]) => {
    const { code, stdout } = await cli(...args, '--json');
    return { code, document: JSON.parse(stdout) as Document };
  };
  const scope = ['--scope', 'tokens:read'];

  it('say what was given, and the key once', async () => {
    const { code, document } = await json(
      ...['create', 'all', ...scope, '--scope', 'tokens:reject'],
      ...['--provider', 'stitch-money', '--provider', 'stitch-connect', '--user-prefix', 'za-'],
      ...['--subject', 'system:serviceaccount:shop:all', '--expires-in', '3600'],
      ...['--certificate', 'spiffe://example.org/all'],
    );
    const { key, api_key, expires_at, ...rest } = document;
    expect({ code, rest }).toEqual({
      code: 0,
      rest: {
        name: 'all',
        scopes: ['tokens:read', 'tokens:reject'],
        providers: ['stitch-money', 'stitch-connect'],
        user_prefixes: ['za-'],
        subject: 'system:serviceaccount:shop:all',
        certificate: 'spiffe://example.org/all',
      },
    });
    expect(key).toMatch(/^stv_[A-Za-z0-9_-]{43}$/);
    expect(api_key).toBe(key);
    const inAnHour = Date.parse(String(expires_at)) - Date.now();
    expect(inAnHour).toBeGreaterThan(3_500_000);
    expect(inAnHour).toBeLessThan(3_610_000);
  });

  it('give no key where none is wanted, and then there is none to change', async () => {
    const { code, document } = await json(
      'create',
      'keyless',
      ...scope,
      '--subject',
      'a',
      '--no-key',
    );
    expect({ code, document }).toEqual({
      code: 0,
      document: { name: 'keyless', scopes: ['tokens:read'], key: null, subject: 'a' },
    });
    const rotated = await json('rotate', 'keyless');
    expect(rotated).toMatchObject({ code: 1, document: { error: { code: 'failed' } } });
  });

  it.each([
    ['a restricted admin', ['--scope', 'admin', '--provider', 'stitch-money']],
    ['a time that is none', [...scope, '--expires-in', '1.5']],
    ['an unknown scope', ['--scope', 'tokens:everything']],
  ])('refuse %s as a usage error, and make nothing', async (_, args) => {
    const { code, document } = await json('create', 'refused', ...args);
    expect({ code, document }).toMatchObject({ code: 2, document: { error: { code: 'usage' } } });
    const rows = await database.query(`SELECT 1 FROM service_clients WHERE name = 'refused'`);
    expect(rows).toEqual([]);
  });

  it('refuse a subject and a certificate that another valid client has', async () => {
    await json('create', 'first', ...scope, '--subject', 'sub', '--certificate', 'first.internal');
    for (const args of [
      ['--subject', 'sub'],
      ['--certificate', 'FIRST.internal'],
    ]) {
      const { code, document } = await json('create', 'second', ...scope, ...args);
      expect(code).toBe(1);
      expect(JSON.stringify(document)).toContain('first');
    }
    await json('revoke', 'first');
    expect((await json('create', 'second', ...scope, '--subject', 'sub')).code).toBe(0);
  });

  it('print another key, and until when the one before works', async () => {
    const { document: created } = await json('create', 'turning', ...scope);
    for (const [args, overlap] of [
      [[], 86_400],
      [['--overlap', '60'], 60],
      [['--overlap', '0'], 0],
    ] as const) {
      const { code, document } = await json('rotate', 'turning', ...args);
      expect(code).toBe(0);
      expect(Object.keys(document)).toEqual(['name', 'key', 'previous_key_expires_at']);
      expect(document.key).not.toBe(created.key);
      const left = Date.parse(String(document.previous_key_expires_at)) - Date.now();
      expect(Math.abs(left / 1000 - overlap)).toBeLessThan(20);
    }
    expect((await json('rotate', 'nobody')).code).toBe(1);
    expect((await json('rotate', 'turning', '--overlap', '-1')).code).toBe(2);
  });
});
