import { createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { createDatabase } from '../support/database.js';
import type { TestDatabase } from '../support/database.js';
import { freePort, launchVault } from '../support/vault.js';
import { eventually } from '../support/wait.js';

const connectionsOf = async (database: TestDatabase): Promise<number> => {
  const [row] = await database.query<{ count: number }>(
    `SELECT count(*)::int AS count FROM pg_stat_activity
     WHERE datname = current_database() AND pid <> pg_backend_pid()`,
  );
  return row?.count ?? -1;
};

describe('a start that fails', () => {
  let database: TestDatabase;
  let taken: Server;
  beforeAll(async () => {
    database = await createDatabase();
    taken = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => taken.once('listening', resolve));
  });
  afterAll(async () => {
    await new Promise((resolve) => taken.close(resolve));
    await database.drop();
  });

  it('at the last listener closes the first one and lets go of the database', async () => {
    const before = await connectionsOf(database);
    const port = await freePort();
    const start = launchVault({
      DATABASE_URL: database.url,
      PORT: String(port),
      PUBLIC_PORT: String((taken.address() as AddressInfo).port),
    });
    await expect(start).rejects.toThrow('PUBLIC_PORT: a free port');
    await expect(fetch(`http://127.0.0.1:${port}/health/live`)).rejects.toThrow();
    // The server lists a backend for a moment after its client has gone.
    await eventually('the pool is closed', async () => (await connectionsOf(database)) === before);
    // The same address again: nothing of the first try is left.
    const vault = await launchVault({ DATABASE_URL: database.url, PORT: String(port) });
    expect((await fetch(`${vault.internalUrl}/health/live`)).status).toBe(200);
    await vault.stop();
  });
});
