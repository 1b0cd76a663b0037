import pg from 'pg';
import { Database } from '../../src/database/index.js';
import type { Query } from '../../src/database/index.js';
import { EventLogStore } from '../../src/events/index.js';
import type { PlacedEvent } from '../../src/events/index.js';
import { launchVault } from '../support/vault.js';
import type { TestVault } from '../support/vault.js';
import { createDatabase } from '../support/database.js';
import type { TestDatabase } from '../support/database.js';

describe('the log of events under concurrent writers', () => {
  let database: TestDatabase;
  let vaults: TestVault[];
  const clients: pg.Client[] = [];
  beforeAll(async () => {
    database = await createDatabase();
    vaults = [
      await launchVault({ DATABASE_URL: database.url }),
      await launchVault({ DATABASE_URL: database.url }),
    ];
  });
  afterAll(async () => {
    await Promise.all(clients.map((client) => client.end()));
    await Promise.all(vaults.map((vault) => vault.stop()));
    await database.drop();
  });

  const connect = async () => {
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    clients.push(client);
    return client;
  };
  const link = (client: pg.Client, userId: string) =>
    client.query(
      `INSERT INTO stitch_grants (provider, user_id, connection, grant_id, status, access_token,
         scope, obtained_at)
       VALUES ('p', $1, 'c', gen_random_uuid(), 'active', '\\x01', '', now())
       ON CONFLICT (provider, user_id, connection) DO UPDATE SET grant_id = EXCLUDED.grant_id`,
      [userId],
    );
  const users = (events: readonly PlacedEvent[]) => events.map(({ data }) => data.user_id);

  /** A caller that goes on from the last event it got, at alternating replicas. */
  class Follower {
    readonly seen: PlacedEvent[] = [];
    private turn = 0;

    async read(limit = 500): Promise<number> {
      this.turn += 1;
      const log = vaults[this.turn % 2]!.app.get(EventLogStore);
      const last = this.seen.at(-1);
      const events = (await log.page(last && { position: last.position }, limit)) ?? [];
      this.seen.push(...events);
      return events.length;
    }
  }

  it('shows what was written first and committed last behind what was read meanwhile', async () => {
    const [slow, quick] = [await connect(), await connect()];
    const follower = new Follower();
    await slow.query('BEGIN');
    await link(slow, 'slow');
    await link(quick, 'quick-1');
    await follower.read();
    await link(quick, 'quick-2');
    await follower.read();
    expect(users(follower.seen)).toEqual(['quick-1', 'quick-2']);
    await slow.query('COMMIT');
    await follower.read();
    expect(users(follower.seen)).toEqual(['quick-1', 'quick-2', 'slow']);
    expect(await follower.read()).toBe(0);
  });

  it('ends a page at the end of the log, whoever places events while it is read', async () => {
    const follower = new Follower();
    while ((await follower.read()) > 0);
    const writer = await connect();
    await link(writer, 'overtaken');
    // Another reader comes by after each statement of this one.
    const [ours, others] = vaults.map(({ app }) => app.get(Database));
    const overtaken = Object.create(ours!) as Database;
    const query: Query = async (sql, parameters, timeout) => {
      const rows = await ours!.query(sql, parameters, timeout);
      await new EventLogStore(others!).page(undefined, 500);
      return rows as never;
    };
    Object.defineProperty(overtaken, 'query', { value: query });
    const page = await new EventLogStore(overtaken).page(
      { position: follower.seen.at(-1)!.position },
      10,
    );
    expect(users(page!)).toEqual(['overtaken']);
  });

  it('skips nothing and repeats nothing, and keeps the order of one grant', async () => {
    const followers = [new Follower(), new Follower(), new Follower()];
    for (const follower of followers) while ((await follower.read()) > 0);
    const before = followers[0]!.seen.length;
    const writers = await Promise.all(Array.from({ length: 8 }, () => connect()));
    let writing = true;
    const written: string[] = [];
    const writes = Promise.all(
      writers.map(async (client, writer) => {
        for (let round = 0; round < 60; round += 1) {
          await client.query('BEGIN');
          const names = [`w${String(writer)}-${String(round)}`, `shared-${String(round % 5)}`];
          for (const name of names) await link(client, name);
          const undone = Math.random() < 0.1;
          await client.query(undone ? 'ROLLBACK' : 'COMMIT');
          if (!undone) written.push(...names);
        }
      }),
    ).finally(() => (writing = false));
    await Promise.all(
      followers.map(async (follower, index) => {
        while (writing) await follower.read([7, 100, 500][index]);
        while ((await follower.read()) > 0);
      }),
    );
    await writes;
    for (const { seen } of followers) {
      expect(users(seen.slice(before)).sort()).toEqual(written.toSorted());
      expect(new Set(seen.map(({ eventId }) => eventId)).size).toBe(seen.length);
      expect(seen).toEqual(followers[0]!.seen);
    }
    const [last] = await database.query<{ grant_id: string }>(
      `SELECT count(*) AS grant_id FROM stitch_events WHERE position IS NULL`,
    );
    expect(last?.grant_id).toBe('0');
    const inversions = await database.query(
      `SELECT 1 FROM stitch_events a JOIN stitch_events b USING (provider, user_id, connection)
       WHERE a.id < b.id AND a.position > b.position`,
    );
    expect(inversions).toEqual([]);
  });

  it('goes on from an event, however many before it have no place yet', async () => {
    const writer = await connect();
    await writer.query(
      `INSERT INTO stitch_grants (provider, user_id, connection, grant_id, status, access_token,
         scope, obtained_at)
       SELECT 'p', 'crowd-' || n, 'c', gen_random_uuid(), 'active', '\\x01', '', now()
       FROM generate_series(1, 2500) n`,
    );
    await link(writer, 'last of all');
    const [last] = await database.query<{ event_id: string }>(
      'SELECT event_id FROM stitch_events ORDER BY id DESC LIMIT 1',
    );
    const log = vaults[0]!.app.get(EventLogStore);
    expect(await log.page({ eventId: last!.event_id }, 500)).toEqual([]);
  });

  it('goes on from a place whose event is not kept any more', async () => {
    const follower = new Follower();
    while ((await follower.read()) > 0);
    await database.query('DELETE FROM stitch_events');
    await link(clients[0]!, 'later');
    expect(await follower.read()).toBe(1);
    expect(users(follower.seen).at(-1)).toBe('later');
  });
});
