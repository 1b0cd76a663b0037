import { verifyAudit } from '../support/audit.js';
import { eventually } from '../support/wait.js';
import { createWorld } from '../support/world.js';
import type { World } from '../support/world.js';
import { cleanUp } from './programs.js';

/** What somebody with the database's password does, and what `audit verify` calls it. */
const TAMPERINGS: [string, string, string][] = [
  ['a count is changed', 'altered', `UPDATE audit_events SET count = 9 WHERE position = $1`],
  [
    'a read is given to another client',
    'altered',
    `UPDATE audit_events SET client = 'x' WHERE position = $1`,
  ],
  [
    'the time is changed',
    'altered',
    `UPDATE audit_events SET at = at - interval '1 hour' WHERE position = $1`,
  ],
  ['a row is removed', 'removed', 'DELETE FROM audit_events WHERE position = $1'],
  [
    'two rows change places',
    'reordered',
    `UPDATE audit_events e SET position = -o.position FROM audit_events o
       WHERE e.type = 'token.read' AND o.type = 'token.read' AND e.position <> o.position
         AND (e.position = $1 OR o.position = $1)`,
  ],
];

describe('audit verify finds', () => {
  let world: World;
  beforeEach(async () => {
    world = await createWorld({ replicas: 2 });
    await world.link('ann');
    await world.read('ann');
    await marked('token.read', 1);
    await world.read('ann', '', 1);
    await marked('token.read', 2);
  });
  afterEach(async () => {
    await cleanUp();
    await world.close();
  });

  const verify = (...args: string[]) => verifyAudit(world.database.url, args);
  const positions = async (type: string) =>
    (
      await world.database.query<{ position: string }>(
        'SELECT position FROM audit_events WHERE type = $1 ORDER BY position',
        [type],
      )
    ).map(({ position }) => Number(position));
  /** Waits for so many rows of a type, and for a mark that counts them. */
  const marked = (type: string, count: number) =>
    eventually(`${String(count)} rows of ${type}`, async () => {
      const found = await positions(type);
      const through = Math.max(...(await marks()));
      return found.length >= count && through >= (found.at(-1) ?? 0);
    });
  /** Up to which position each mark has counted. */
  const marks = async () => {
    const rows = await world.database.query<{ data: string }>(
      `SELECT data FROM audit_events WHERE type = 'audit.mark'`,
    );
    return rows.map(({ data }) => (JSON.parse(data) as { through: number }).through);
  };

  it.each(TAMPERINGS)('that %s: %s', async (_, problem, sql) => {
    expect(await verify()).toMatchObject({ code: 0, ok: true });
    const [position = 0] = await positions('token.read');
    await world.database.query(sql, [position]);
    await world.database.query('UPDATE audit_events SET position = -position WHERE position < 0');
    expect(await verify()).toEqual({ code: 1, ok: false, position, problem });
  });

  it('a row of a trigger that is changed, removed or added', async () => {
    const [position = 0] = await positions('grant.linked');
    const [row] = await world.database.query<{ client: string }>(
      'SELECT client FROM audit_events WHERE position = $1',
      [position],
    );
    await world.database.query(`UPDATE audit_events SET client = 'x' WHERE position = $1`, [
      position,
    ]);
    expect(await verify()).toEqual({ code: 1, ok: false, position, problem: 'altered' });
    await world.database.query('UPDATE audit_events SET client = $2 WHERE position = $1', [
      position,
      row?.client,
    ]);
    expect(await verify()).toMatchObject({ ok: true });
    // A position that was drawn and never used, as by a transaction that was rolled back.
    const [unused] = await world.database.query<{ gap: string }>(
      `SELECT nextval('audit_position_seq') AS gap`,
    );
    const gap = Number(unused?.gap);
    await world.link('bob');
    await eventually('a mark covers the second link', async () =>
      (await marks()).some((through) => through > gap),
    );
    expect(await verify()).toMatchObject({ ok: true });
    const insert = `INSERT INTO audit_events (position, type, outcome)
      VALUES ($1, 'grant.deleted', 'done')`;
    await expect(world.database.query(insert, [gap])).rejects.toThrow('written by triggers alone');
    await world.database.query('ALTER TABLE audit_events DISABLE TRIGGER audit_events_guard');
    await world.database.query(insert, [gap]);
    expect(await verify()).toEqual({ code: 1, ok: false, position: gap, problem: 'inserted' });
    await world.database.query('DELETE FROM audit_events WHERE position IN ($1, $2)', [
      gap,
      position,
    ]);
    expect(await verify()).toEqual({ code: 1, ok: false, position, problem: 'removed' });
  });

  it('the newest rows removed, with a head that was seen before', async () => {
    const first = await verify();
    const [, second = 0] = await positions('token.read');
    const head = ['--head', String(first.head)];
    expect(await verify(...head)).toMatchObject({ code: 0, ok: true });
    await Promise.all(world.vaults.map((vault) => vault.stop()));
    expect(await verify(...head)).toMatchObject({ code: 0, ok: true });
    await world.database.query('DELETE FROM audit_events WHERE position >= $1', [second]);
    expect(await verify()).toMatchObject({ ok: true });
    expect(await verify(...head)).toMatchObject({ code: 1, ok: false, problem: 'removed' });
    const logged = world.vaults
      .flatMap(({ logs }) => logs.map((line) => JSON.parse(line) as Record<string, unknown>))
      .filter(({ event }) => event === 'audit.head');
    const last = String(logged.at(-1)?.head);
    expect(await verify('--head', last)).toMatchObject({ ok: false, problem: 'removed' });
  });

  it('a chain that is removed as a whole', async () => {
    await world.vaults[1]?.stop();
    await world.database.query(
      `DELETE FROM audit_events WHERE chain = (SELECT chain FROM audit_events
         WHERE type = 'audit.closed') AND type <> 'audit.mark'`,
    );
    expect(await verify()).toMatchObject({ code: 1, ok: false, problem: 'removed' });
  });

  it('a key that was removed or put in the place of the old one', async () => {
    await world.database.query('DELETE FROM audit_keys');
    expect(await verify()).toMatchObject({ code: 1, ok: false, problem: 'altered' });
  });

  it('refuses a head that it has not made', async () => {
    expect(await verify('--head', `1-1-${'0'.repeat(32)}`)).toMatchObject({
      code: 1,
      error: { message: 'This is no head of this audit.' },
    });
  });
});
