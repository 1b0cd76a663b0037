import { existsSync, readFileSync } from 'node:fs';
import { findNeedles } from '../support/needles.js';
import type { Needle } from '../support/needles.js';
import { eventually } from '../support/wait.js';
import { ImportSite, grantLine } from './imports.js';
import { cleanUp, start } from './programs.js';

describe('an interrupted grants import', () => {
  let site: ImportSite;
  beforeEach(async () => {
    site = await ImportSite.create();
  });
  afterEach(async () => {
    await cleanUp();
    await site.database.drop();
  });

  it('takes every good line of 5,000 once, after a kill -9 in the middle, and reports the others', async () => {
    const good = new Map<string, ReturnType<typeof grantLine>>();
    const bad = new Map<number, string | null>();
    const needles: Needle[] = [];
    const lines = Array.from({ length: 5000 }, (_, index) => {
      const number = index + 1;
      const line = grantLine(number);
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
    site.write(lines);
    // Slow enough to be killed in the middle, by the server itself.
    await site.database.query(
      `CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS
         $$ BEGIN PERFORM pg_sleep(0.3); RETURN NULL; END $$`,
    );
    await site.database.query(
      'CREATE TRIGGER slow AFTER INSERT ON stitch_grants FOR EACH STATEMENT EXECUTE FUNCTION slow()',
    );
    let output = '';
    for (const kills of [1, 2]) {
      const before = await site.count();
      const child = start('cli.js', ['grants', 'import', site.file], site.environment);
      await eventually(`rows before kill ${kills}`, async () => (await site.count()) > before);
      child.kill('SIGKILL');
      const ended = await child.ended;
      expect(ended.code).toBeNull();
      output += ended.stdout + ended.stderr;
    }
    const atKill = await site.count();
    expect(atKill).toBeGreaterThan(0);
    expect(atKill).toBeLessThan(good.size);
    const { code, stdout, stderr, result } = await site.json();
    output += stdout + stderr;
    expect(code).toBe(1);
    expect(result).toMatchObject({ lines: 5000, existing: 0, replaced: 0, rejected: bad.size });
    // A batch whose checkpoint was lost is recognised as imported before.
    expect(Number(result.imported) + Number(result.unchanged)).toBe(good.size);
    expect(result.resumed_at_line).toBeGreaterThan(1);

    const rows = await site.stored();
    expect([...rows.keys()].sort()).toEqual([...good.keys()].sort());
    for (const [user, line] of good) {
      expect(rows.get(user)).toEqual({ access: line.access_token, refresh: line.refresh_token });
    }
    expect(site.report().map(({ line, field }) => [line, field])).toEqual(
      [...bad].sort(([a], [b]) => a - b),
    );
    expect(existsSync(`${site.file}.progress`)).toBe(false);
    expect(
      findNeedles(needles, [
        { name: 'output', text: output },
        { name: 'report', text: readFileSync(`${site.file}.rejected.jsonl`, 'utf8') },
      ]),
    ).toEqual([]);
  });
});
