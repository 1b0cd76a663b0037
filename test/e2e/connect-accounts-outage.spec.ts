import { createConnectWorld } from '../support/connect-world.js';
import type { ConnectWorld } from '../support/connect-world.js';
import { createDatabase } from '../support/database.js';
import { startTcpProxy } from '../support/tcp-proxy.js';
import type { TcpProxy } from '../support/tcp-proxy.js';
import { eventually } from '../support/wait.js';

describe('creating accounts while the database is away', () => {
  let world: ConnectWorld;
  let proxy: TcpProxy;
  beforeAll(async () => {
    const database = await createDatabase();
    proxy = await startTcpProxy(database.url);
    const environment = { DATABASE_URL: proxy.url };
    world = await createConnectWorld({ database, environment, replicas: 1 });
  });
  afterEach(async () => {
    world.connect.reset();
    proxy.restore();
    await eventually('the vault is ready again', async () => {
      const { status } = await world.vault.request('/health/ready');
      return status === 200;
    });
  });
  afterAll(async () => {
    await world.close();
    await proxy.close();
  });

  const create = async (user: string) => {
    const answer = await world.post('/stitch-connect/accounts', {
      ...{ user_id: user, first_name: 'Ann', last_name: 'Example', company: 'Example Ltd' },
      email: `${user}@example.com`,
    });
    const { code } = (await answer.json()) as { code?: string };
    return [answer.status, code];
  };

  it('creates none whose token has nowhere to go', async () => {
    expect(await create('ann')).toEqual([201, undefined]);
    const { accountCalls } = world.connect.stats;
    proxy.cut();
    await eventually('the vault missed its database', async () => {
      const { status } = await world.vault.request('/health/ready');
      return status === 503;
    });
    expect(await create('ben')).toEqual([503, 'storage_unavailable']);
    expect(world.connect.stats.accountCalls).toBe(accountCalls);
  });

  it('waits with the token in hand for a database that comes back', async () => {
    world.connect.switches.latencyMs = 500;
    const { length } = world.vault.logs;
    const creating = create('cas');
    await eventually('it is asked for', () => world.connect.stats.accountCalls === 1);
    proxy.cut();
    await eventually('the vault missed its database', () =>
      world.vault.logs.slice(length).some((line) => line.includes('database.lost')),
    );
    proxy.restore();
    expect(await creating).toEqual([201, undefined]);
    expect((await world.readConnect('cas')).status).toBe(200);
  });

  it('says that the account may exist when it could not be kept, not: try again', async () => {
    world.connect.switches.latencyMs = 500;
    const creating = create('dee');
    await eventually('it is asked for', () => world.connect.stats.accountCalls === 1);
    proxy.cut();
    expect(await creating).toEqual([502, 'outcome_unknown']);
    expect(world.connect.save().accounts.at(-1)?.email).toBe('dee@example.com');
  });
});
