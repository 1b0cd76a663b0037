import { writeFileSync } from 'node:fs';
import { ImportSite, grantLine } from './imports.js';
import { cleanUp, runCli } from './programs.js';

describe('grants import', () => {
  let site: ImportSite;
  beforeEach(async () => {
    site = await ImportSite.create();
  });
  afterEach(async () => {
    await cleanUp();
    await site.database.drop();
  });

  it('finds everything there when it is run again, and changes nothing', async () => {
    site.write([grantLine(1), grantLine(2)]);
    expect(await site.json()).toMatchObject({ code: 0, result: { lines: 2, imported: 2 } });
    const before = await site.database.query('SELECT * FROM stitch_grants ORDER BY user_id');
    expect(await site.json('--replace')).toMatchObject({ code: 0, result: { unchanged: 2 } });
    expect(await site.json('--restart')).toMatchObject({ code: 0, result: { unchanged: 2 } });
    expect(await site.database.query('SELECT * FROM stitch_grants ORDER BY user_id')).toEqual(
      before,
    );
  });

  it('leaves grants alone that are there, unless it is told to replace them', async () => {
    const [first, second] = [grantLine(1), grantLine(1)];
    site.write([first]);
    await site.run();
    site.write([second]);
    expect((await site.json()).result).toMatchObject({ imported: 0, existing: 1 });
    expect((await site.stored()).get('user-1')?.access).toBe(first.access_token);
    expect((await site.json('--replace')).result).toMatchObject({ replaced: 1, existing: 0 });
    expect((await site.stored()).get('user-1')?.access).toBe(second.access_token);
    const [row] = await site.database.query('SELECT version::int, status FROM stitch_grants');
    expect(row).toEqual({ version: 2, status: 'active' });
    // It may be of the same consent, which a revocation could end as a whole.
    expect(await site.database.query('SELECT 1 FROM stitch_revocations')).toEqual([]);
  });

  it('takes the first of several lines with one name, and with --replace the last', async () => {
    const [first, second, third] = [grantLine(1), grantLine(1), grantLine(1)];
    site.write([first, second, grantLine(2), second, third]);
    expect((await site.json()).result).toMatchObject({ lines: 5, imported: 2, existing: 3 });
    expect((await site.stored()).get('user-1')?.access).toBe(first.access_token);
    expect((await site.json('--replace')).result).toMatchObject({ lines: 5 });
    expect((await site.stored()).get('user-1')?.access).toBe(third.access_token);
  });

  it('tells of them in the log of events, and sends nothing', async () => {
    site.write([grantLine(1)]);
    await site.run();
    const events = await site.database.query('SELECT type, data, due_at FROM stitch_events');
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
    const text = [grantLine(1), grantLine(2)].map((line) => JSON.stringify(line));
    writeFileSync(site.file, `\uFEFF${text[0] ?? ''}\r\n\r\n  \n${text[1] ?? ''}`);
    expect(await site.json()).toMatchObject({ code: 0, result: { lines: 2, imported: 2 } });
  });

  it('does not go on in a file that is not the one it was, until it is told to begin anew', async () => {
    site.write([grantLine(1), 'x']);
    await site.run();
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
      writeFileSync(`${site.file}.progress`, content);
      const { code, stdout, stderr } = await site.run();
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
      expect(stderr).toMatch(/--restart.*\n$/);
    }
    expect((await site.json('--restart')).result).toMatchObject({
      lines: 2,
      unchanged: 1,
      rejected: 1,
    });
    expect(site.report()).toHaveLength(1);
  });

  it('refuses a keyring that is not the vault’s, before anything is stored', async () => {
    site.write([grantLine(1)]);
    await site.run();
    site.write([grantLine(2)]);
    const other = `test:${Buffer.alloc(32, 8).toString('base64')}`;
    const ended = await runCli(['grants', 'import', site.file], {
      ...site.environment,
      VAULT_KEYRING: other,
    });
    expect(ended).toMatchObject({ code: 1, stdout: '' });
    expect(ended.stderr).toMatch(/^VAULT_KEYRING .*\n$/);
    expect(await site.count()).toBe(1);
  });

  it('ends with 1 and a sentence without a site.file, a keyring or a database, and with 2 when misused', async () => {
    const cases: [Record<string, string>, RegExp][] = [
      [site.environment, /^.*grants\.jsonl cannot be read\.\n$/],
      [{ DATABASE_URL: site.database.url }, /^VAULT_KEYRING: .+\n$/],
    ];
    for (const [given, sentence] of cases) {
      const { code, stdout, stderr } = await runCli(['grants', 'import', site.file], given);
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
      expect(stderr).toMatch(sentence);
    }
    site.write([grantLine(1)]);
    const away = { ...site.environment, DATABASE_URL: 'postgres://zz:zz@127.0.0.1:1/zz' };
    const ended = await runCli(['grants', 'import', site.file], away);
    expect(ended).toMatchObject({ code: 1, stdout: '' });
    expect(ended.stderr).toMatch(/^The database cannot be reached at DATABASE_URL\.\n$/);
    expect(await runCli(['grants', 'import'], site.environment)).toMatchObject({
      code: 2,
      stdout: '',
    });
  });
});
