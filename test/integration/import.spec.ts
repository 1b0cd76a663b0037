import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Keyring, Sealer } from '../../src/encryption/index.js';
import { TokenSealer } from '../../src/tokens/index.js';
import { parseKeyring } from '../../src/config/parsers.js';
import { createDatabase } from '../support/database.js';
import type { TestDatabase } from '../support/database.js';
import { findNeedles } from '../support/needles.js';
import type { Needle } from '../support/needles.js';
import { TEST_KEYRING } from '../support/vault.js';
import { eventually } from '../support/wait.js';
import { cleanUp, runCli, start, temporaryDirectory } from './programs.js';

interface Report {
  line: number;
  field: string | null;
  reason: string;
}

interface SealedRow {
  user_id: string;
  provider: string;
  connection: string;
  access_token: Buffer;
  refresh_token: Buffer | null;
}

describe('grants import', () => {
  let database: TestDatabase;
  let file: string;
  beforeEach(async () => {
    database = await createDatabase();
    file = join(temporaryDirectory(), 'grants.jsonl');
  });
  afterEach(async () => {
    await cleanUp();
    await database.drop();
  });

  const environment = () => ({ DATABASE_URL: database.url, VAULT_KEYRING: TEST_KEYRING });
  const run = (...args: string[]) => runCli(['grants', 'import', file, ...args], environment());
  const json = async (...args: string[]) => {
    const ended = await run('--json', ...args);
    expect(ended.stdout).toMatch(/^\{.*\}\n$/);
    return { ...ended, result: JSON.parse(ended.stdout) as Record<string, unknown> };
  };
  const write = (lines: readonly (object | string)[]) => {
    const text = lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line)));
    writeFileSync(file, `${text.join('\n')}\n`);
  };
  const report = () =>
    readFileSync(`${file}.rejected.jsonl`, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Report);
  const count = async () => {
    const [row] = await database.query<{ n: number }>(
      'SELECT count(*)::int AS n FROM stitch_grants',
    );
    return row?.n ?? 0;
  };
  const grant = (n: number) => ({
    user_id: `user-${n}`,
    access_token: `a${n}-${randomBytes(24).toString('base64url')}`,
    refresh_token: `r${n}-${randomBytes(24).toString('base64url')}`,
    expires_in: 900,
    scope: 'openid accounts',
  });
  const sealer = new TokenSealer(new Sealer(new Keyring(parseKeyring(TEST_KEYRING))));
  /** What the database holds, opened: user → tokens. */
  const stored = async () => {
    const rows = await database.query<SealedRow>(
      'SELECT user_id, provider, connection, access_token, refresh_token FROM stitch_grants',
    );
    return new Map(
      rows.map((row) => {
        const key = { provider: row.provider, userId: row.user_id, connection: row.connection };
        return [
          row.user_id,
          {
            access: sealer.open(row.access_token, 'access_token', key),
            refresh: row.refresh_token && sealer.open(row.refresh_token, 'refresh_token', key),
          },
        ];
      }),
    );
  };

  it('takes every good line of 5,000 once, after a kill -9 in the middle, and reports the others', async () => {
    const good = new Map<string, ReturnType<typeof grant>>();
    const bad = new Map<number, string | null>();
    const needles: Needle[] = [];
    const lines = Array.from({ length: 5000 }, (_, index) => {
      const number = index + 1;
      const line = grant(number);
      needles.push({ kind: 'access token', value: line.access_token });
      needles.push({ kind: 'refresh token', value: line.refresh_token });
      if (number % 50 === 0) {
        bad.set(number, 'expires_in');
        return { ...line, expires_in: '900' };
      }
      if (number % 77 === 0) {
        bad.set(number, null);
        return JSON.stringify(line).slice(0, -9);
      }
      good.set(line.user_id, line);
      return line;
    });
    write(lines);
    // Slow enough to be killed in the middle, by the server itself.
    await database.query(
      `CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS
         $$ BEGIN PERFORM pg_sleep(0.3); RETURN NULL; END $$`,
    );
    await database.query(
      'CREATE TRIGGER slow AFTER INSERT ON stitch_grants FOR EACH STATEMENT EXECUTE FUNCTION slow()',
    );
    let output = '';
    for (const kills of [1, 2]) {
      const before = await count();
      const child = start('cli.js', ['grants', 'import', file], environment());
      await eventually(`rows before kill ${kills}`, async () => (await count()) > before);
      child.kill('SIGKILL');
      const ended = await child.ended;
      expect(ended.code).toBeNull();
      output += ended.stdout + ended.stderr;
    }
    const [{ n: atKill }] = (await database.query<{ n: number }>(
      'SELECT count(*)::int AS n FROM stitch_grants',
    )) as [{ n: number }];
    expect(atKill).toBeGreaterThan(0);
    expect(atKill).toBeLessThan(good.size);
    const { code, stdout, stderr, result } = await json();
    output += stdout + stderr;
    expect(code).toBe(1);
    expect(result).toMatchObject({ lines: 5000, existing: 0, replaced: 0, rejected: bad.size });
    // A batch whose checkpoint was lost is recognised as imported before.
    expect(Number(result.imported) + Number(result.unchanged)).toBe(good.size);
    expect(result.resumed_at_line).toBeGreaterThan(1);

    const rows = await stored();
    expect([...rows.keys()].sort()).toEqual([...good.keys()].sort());
    for (const [user, line] of good) {
      expect(rows.get(user)).toEqual({ access: line.access_token, refresh: line.refresh_token });
    }
    expect(report().map(({ line, field }) => [line, field])).toEqual(
      [...bad].sort(([a], [b]) => a - b),
    );
    expect(existsSync(`${file}.progress`)).toBe(false);
    expect(
      findNeedles(needles, [
        { name: 'output', text: output },
        { name: 'report', text: readFileSync(`${file}.rejected.jsonl`, 'utf8') },
      ]),
    ).toEqual([]);
  });

  it('finds everything there when it is run again, and changes nothing', async () => {
    write([grant(1), grant(2)]);
    expect(await json()).toMatchObject({ code: 0, result: { lines: 2, imported: 2 } });
    const before = await database.query('SELECT * FROM stitch_grants ORDER BY user_id');
    expect(await json('--replace')).toMatchObject({ code: 0, result: { unchanged: 2 } });
    expect(await json('--restart')).toMatchObject({ code: 0, result: { unchanged: 2 } });
    expect(await database.query('SELECT * FROM stitch_grants ORDER BY user_id')).toEqual(before);
  });

  it('leaves grants alone that are there, unless it is told to replace them', async () => {
    const [first, second] = [grant(1), grant(1)];
    write([first]);
    await run();
    write([second]);
    expect((await json()).result).toMatchObject({ imported: 0, existing: 1 });
    expect((await stored()).get('user-1')?.access).toBe(first.access_token);
    expect((await json('--replace')).result).toMatchObject({ replaced: 1, existing: 0 });
    expect((await stored()).get('user-1')?.access).toBe(second.access_token);
    const [row] = await database.query('SELECT version::int, status FROM stitch_grants');
    expect(row).toEqual({ version: 2, status: 'active' });
    // It may be of the same consent, which a revocation could end as a whole.
    expect(await database.query('SELECT 1 FROM stitch_revocations')).toEqual([]);
  });

  it('takes the first of several lines with one name, and with --replace the last', async () => {
    const [first, second, third] = [grant(1), grant(1), grant(1)];
    write([first, second, grant(2), second, third]);
    expect((await json()).result).toMatchObject({ lines: 5, imported: 2, existing: 3 });
    expect((await stored()).get('user-1')?.access).toBe(first.access_token);
    expect((await json('--replace')).result).toMatchObject({ lines: 5 });
    expect((await stored()).get('user-1')?.access).toBe(third.access_token);
  });

  it('tells of them in the log of events, and sends nothing', async () => {
    write([grant(1)]);
    await run();
    const events = await database.query('SELECT type, data, due_at FROM stitch_events');
    expect(events).toEqual([
      {
        type: 'grant.linked',
        data: {
          provider: 'stitch-money',
          user_id: 'user-1',
          connection: 'default',
          reason: 'imported',
          scopes: ['openid', 'accounts'],
        },
        due_at: null,
      },
    ]);
  });

  it('takes empty lines, carriage returns, a byte order mark and a last line without a break', async () => {
    const text = [grant(1), grant(2)].map((line) => JSON.stringify(line));
    writeFileSync(file, `\uFEFF${text[0] ?? ''}\r\n\r\n  \n${text[1] ?? ''}`);
    expect(await json()).toMatchObject({ code: 0, result: { lines: 2, imported: 2 } });
  });

  it('does not go on in a file that is not the one it was, until it is told to begin anew', async () => {
    write([grant(1), 'x']);
    await run();
    const progress = (offset: number) => ({
      format: 1,
      tail: '',
      checkpoint: {
        offset,
        line: 1,
        reportBytes: 0,
        tally: { lines: 1, imported: 1, replaced: 0, unchanged: 0, existing: 0, rejected: 0 },
      },
    });
    for (const content of [
      '{',
      '{}',
      JSON.stringify(progress(10)),
      JSON.stringify(progress(1e9)),
    ]) {
      writeFileSync(`${file}.progress`, content);
      const { code, stdout, stderr } = await run();
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
      expect(stderr).toMatch(/--restart.*\n$/);
    }
    expect((await json('--restart')).result).toMatchObject({ lines: 2, unchanged: 1, rejected: 1 });
    expect(report()).toHaveLength(1);
  });

  it('refuses a keyring that is not the vault’s, before anything is stored', async () => {
    write([grant(1)]);
    await run();
    write([grant(2)]);
    const other = `test:${Buffer.alloc(32, 8).toString('base64')}`;
    const ended = await runCli(['grants', 'import', file], {
      ...environment(),
      VAULT_KEYRING: other,
    });
    expect(ended).toMatchObject({ code: 1, stdout: '' });
    expect(ended.stderr).toMatch(/^VAULT_KEYRING .*\n$/);
    expect(await count()).toBe(1);
  });

  it('ends with 1 and a sentence without a file, a keyring or a database, and with 2 when misused', async () => {
    const cases: [Record<string, string>, RegExp][] = [
      [environment(), /^.*grants\.jsonl cannot be read\.\n$/],
      [{ DATABASE_URL: database.url }, /^VAULT_KEYRING: .+\n$/],
    ];
    for (const [given, sentence] of cases) {
      const { code, stdout, stderr } = await runCli(['grants', 'import', file], given);
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
      expect(stderr).toMatch(sentence);
    }
    write([grant(1)]);
    const away = { ...environment(), DATABASE_URL: 'postgres://zz:zz@127.0.0.1:1/zz' };
    const ended = await runCli(['grants', 'import', file], away);
    expect(ended).toMatchObject({ code: 1, stdout: '' });
    expect(ended.stderr).toMatch(/^The database cannot be reached at DATABASE_URL\.\n$/);
    expect(await runCli(['grants', 'import'], environment())).toMatchObject({
      code: 2,
      stdout: '',
    });
  });
});
