import { seedGrants } from '../support/grants.js';
import { eventually } from '../support/wait.js';
import { createWorld } from '../support/world.js';
import type { TokenAnswer, World } from '../support/world.js';

/** Seconds of reading; `READING_SECONDS=60` is the long version. */
const SECONDS = Number(process.env.READING_SECONDS ?? '10');
const USERS = 100;
const READERS = 12;
/** Seconds a token lives. */
const LIFETIME = 12;

/** A read that did not bring a good token. */
interface Fault {
  user: string;
  status: number;
  what: string;
}

describe(`${String(USERS)} users with ${String(LIFETIME)}-second tokens, read without a pause`, () => {
  let world: World;
  const users = Array.from({ length: USERS }, (_, index) => `user-${String(index)}`);
  const reads = new Map<string, number>();
  const newest = new Map<string, number>();
  const faults: Fault[] = [];

  beforeAll(
    async () => {
      world = await createWorld({
        replicas: 2,
        sandbox: { switches: { tokenLifetime: LIFETIME, latencyMs: [5, 40] } },
        environment: { REFRESH_POLICY: 'all', REFRESH_INTERVAL: '1' },
      });
      const asked = Date.now();
      const minted = new Map(users.map((user) => [user, world.sandbox.mint()]));
      await seedGrants(world.vault, minted, asked);
      await read(Date.now() + SECONDS * 1000);
    },
    (SECONDS + 60) * 1000,
  );
  afterAll(() => world.close());

  /** Readers who take the users in turn, every other round from the other replica. */
  async function read(deadline: number): Promise<void> {
    let turn = 0;
    const reader = async () => {
      while (Date.now() < deadline) {
        const mine = turn++;
        await readOnce(mine % USERS, Math.floor(mine / USERS) % 2);
      }
    };
    await Promise.all(Array.from({ length: READERS }, reader));
  }

  /** Half of the users leave it to the schedule; the others want more than it keeps ready. */
  async function readOnce(index: number, replica: number): Promise<void> {
    const user = users[index]!;
    const answer = await world.read(user, index % 4 < 2 ? '?min_ttl=2' : '', replica);
    const fault = (what: string) => faults.push({ user, status: answer.status, what });
    if (answer.status !== 200) {
      fault(await answer.text());
      return;
    }
    const token = (await answer.json()) as TokenAnswer;
    const api = await fetch(`${world.sandbox.url}/graphql`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token.access_token}` },
    });
    await api.arrayBuffer();
    if (api.status !== 200) fault(`the API answered ${String(api.status)}`);
    reads.set(user, (reads.get(user) ?? 0) + 1);
    newest.set(user, Math.max(newest.get(user) ?? 0, token.version));
  }

  it('serves no token that the API refuses, and none at all to nobody', () => {
    expect(faults).toEqual([]);
    expect(reads.size).toBe(USERS);
    // How often depends on the machine; that everybody was served again and again does not.
    expect(Math.min(...reads.values())).toBeGreaterThan(1);
  });

  it('presents each refresh token once', () => {
    expect(world.sandbox.stats).toMatchObject({ maxPresentations: 1, reuseEvents: 0 });
    expect(world.sandbox.stats.familiesRevoked).toBe(0);
  });

  it('kept every user rotating: by the schedule where readers were content', () => {
    // Due 8.4 seconds after it was asked for at the latest; one rotation may be seen by no reader.
    const least = Math.floor(SECONDS / 8.5);
    expect(Math.min(...newest.values())).toBeGreaterThanOrEqual(least);
    const content = users.filter((_, index) => index % 4 < 2);
    const most = 2 + Math.ceil(SECONDS / 7);
    expect(Math.max(...content.map((user) => newest.get(user) ?? 0))).toBeLessThanOrEqual(most);
  });

  it('stored every rotation that the provider made, and no other', async () => {
    await eventually('versions and rotations agree', async () => {
      const before = world.sandbox.stats.rotations;
      const [row] = await world.database.query<{ sum: string }>(
        'SELECT sum(version - 1) AS sum FROM stitch_grants',
      );
      return Number(row?.sum) === before && before === world.sandbox.stats.rotations;
    });
  });
});
