import pg from 'pg';
import { verifyAudit } from '../support/audit.js';
import { cloneDatabase } from '../support/database.js';
import type { TestDatabase } from '../support/database.js';
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

/** Two replicas, each with a row of a read in its chain, and a mark that counts them. */
async function createRead(): Promise<World> {
  const world = await createWorld({ replicas: 2 });
  await world.link('ann');
  await world.read('ann');
  await marked(world.database, 'token.read', 1);
  await world.read('ann', '', 1);
  await marked(world.database, 'token.read', 2);
  return world;
}

async function positionsIn(database: TestDatabase, type: string): Promise<number[]> {
  const rows = await database.query<{ position: string }>(
    'SELECT position FROM audit_events WHERE type = $1 ORDER BY position',
    [type],
  );
  return rows.map(({ position }) => Number(position));
}

/** Up to which position each mark has counted. */
async function marksIn(database: TestDatabase): Promise<number[]> {
  const rows = await database.query<{ data: string }>(
    `SELECT data FROM audit_events WHERE type = 'audit.mark'`,
  );
  return rows.map(({ data }) => (JSON.parse(data) as { through: number }).through);
}

/** Waits for so many rows of a type, and for a mark that counts them. */
const marked = (database: TestDatabase, type: string, count: number) =>
  eventually(`${String(count)} rows of ${type}`, async () => {
    const found = await positionsIn(database, type);
    const through = Math.max(...(await marksIn(database)));
    return found.length >= count && through >= (found.at(-1) ?? 0);
  });

describe('audit verify finds in what two replicas have left', () => {
  let world: World;
  let database: TestDatabase;
  beforeAll(async () => {
    world = await createRead();
    // PostgreSQL clones only what nobody is connected to.
    await Promise.all(world.vaults.map((vault) => vault.stop()));
  });
  beforeEach(async () => {
    database = await cloneDatabase(world.database);
  });
  afterEach(() => database.drop());
  afterAll(async () => {
    await cleanUp();
    await world.close();
  });

  const verify = (...args: string[]) => verifyAudit(database.url, args);

  it.each(TAMPERINGS)('that %s: %s', async (_, problem, sql) => {
    expect(await verify()).toMatchObject({ code: 0, ok: true });
    const [position = 0] = await positionsIn(database, 'token.read');
    await database.query(sql, [position]);
    await database.query('UPDATE audit_events SET position = -position WHERE position < 0');
    const found = await verify();
    expect(found).toMatchObject({ code: 1, ok: false, problem });
    // What follows in the chain names the row; a mark of the other replica may come before that, and
    // knows only that a row is missing up to it.
    const marks = problem === 'removed' ? await positionsIn(database, 'audit.mark') : [];
    expect([position, ...marks]).toContain(found.position);
  });

  it('a key that was removed or put in the place of the old one', async () => {
    await database.query('DELETE FROM audit_keys');
    expect(await verify()).toMatchObject({ code: 1, ok: false, problem: 'altered' });
  });

  it('nothing wrong beside somebody who is writing, and its head covers all that was there', async () => {
    const [{ newest } = { newest: 0 }] = await database.query<{ newest: number }>(
      'SELECT max(position)::int AS newest FROM audit_events',
    );
    const writer = new pg.Client({ connectionString: database.url });
    await writer.connect();
    await writer.query('BEGIN');
    await writer.query('SELECT audit_positions(1)');
    const verified = verify();
    await eventually('the command has seen that somebody is writing', async () => {
      const looks = await database.query(
        `SELECT 1 FROM pg_stat_activity
         WHERE datname = current_database() AND query = 'SELECT audit_horizon()::numeric AS horizon'`,
      );
      return looks.length > 0;
    });
    await writer.query('ROLLBACK');
    await writer.end();
    const { ok, head } = await verified;
    expect(ok).toBe(true);
    expect(Number.parseInt(String(head))).toBeGreaterThanOrEqual(newest);
  });

  it('refuses a head that it has not made', async () => {
    expect(await verify('--head', `1-1-${'0'.repeat(32)}`)).toMatchObject({
      code: 1,
      error: { message: 'This is no head of this audit.' },
    });
  });
});

describe('audit verify finds beside replicas at work', () => {
  let world: World;
  beforeEach(async () => {
    world = await createRead();
  });
  afterEach(async () => {
    await cleanUp();
    await world.close();
  });

  const verify = (...args: string[]) => verifyAudit(world.database.url, args);
  const positions = (type: string) => positionsIn(world.database, type);
  const marks = () => marksIn(world.database);

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
    // Beside vaults that write all the time: a head covers whatever was there when it was asked for.
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
      .filter(({ event }) => event === 'audit.head')
      .map(({ head }) => String(head))
      .sort((one, other) => Number.parseInt(one) - Number.parseInt(other));
    expect(await verify('--head', logged.at(-1) ?? '')).toMatchObject({
      ok: false,
      problem: 'removed',
    });
  });

  it('a chain that is removed as a whole', async () => {
    await world.vaults[1]?.stop();
    await world.database.query(
      `DELETE FROM audit_events WHERE chain = (SELECT chain FROM audit_events
         WHERE type = 'audit.closed') AND type <> 'audit.mark'`,
    );
    expect(await verify()).toMatchObject({ code: 1, ok: false, problem: 'removed' });
  });
});
