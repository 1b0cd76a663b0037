import { takenOver } from '../support/audit.js';
import { createConnectWorld } from '../support/connect-world.js';
import type { ConnectWorld } from '../support/connect-world.js';
import { createDatabase } from '../support/database.js';
import { holdAnswers } from '../support/hold-answers.js';
import { startTcpProxy } from '../support/tcp-proxy.js';
import type { TcpProxy } from '../support/tcp-proxy.js';
import { goBack, keepAside } from '../support/time-machine.js';
import { launchVault } from '../support/vault.js';
import type { TestVault } from '../support/vault.js';
import { eventually } from '../support/wait.js';

const createAt = async ({ key }: ConnectWorld, vault: TestVault, user: string) => {
  const answer = await vault.request('/stitch-connect/accounts', {
    key,
    method: 'POST',
    body: JSON.stringify({
      ...{ user_id: user, first_name: 'Ann', last_name: 'Example', company: 'Example Ltd' },
      email: `${user}@example.com`,
    }),
  });
  const { code } = (await answer.json()) as { code?: string };
  return [answer.status, code];
};

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

  const create = (user: string) => createAt(world, world.vault, user);
  const asked = (calls: number) =>
    eventually('it is asked for', () => world.connect.stats.accountCalls === calls);

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

  it('keeps the token and waits for a database that comes back', async () => {
    const answer = holdAnswers(world.connect.switches);
    const { length } = world.vault.logs;
    const creating = create('cas');
    await asked(1);
    proxy.cut();
    await eventually('the vault missed its database', () =>
      world.vault.logs.slice(length).some((line) => line.includes('database.lost')),
    );
    answer();
    proxy.restore();
    expect(await creating).toEqual([201, undefined]);
    expect((await world.readConnect('cas')).status).toBe(200);
  });

  it('says that the account may exist when it is not stored yet, not: try again, and stores it later', async () => {
    const answer = holdAnswers(world.connect.switches);
    const creating = create('dee');
    await asked(1);
    proxy.cut();
    answer();
    expect(await creating).toEqual([502, 'outcome_unknown']);
    expect(world.connect.save().accounts.at(-1)?.email).toBe('dee@example.com');
    proxy.restore();
    await eventually('its token is there', async () => {
      const { status } = await world.readConnect('dee');
      return status === 200;
    });
  });

  it('stores the token of an account whose caller no longer waits', async () => {
    const vault = await launchVault({ ...world.environment, PROVIDER_TIMEOUT: '1' });
    try {
      const answer = holdAnswers(world.connect.switches);
      expect(await createAt(world, vault, 'eli')).toEqual([502, 'outcome_unknown']);
      expect((await world.readConnect('eli')).status).toBe(404);
      answer();
      await eventually('its token is there', async () => {
        const { status } = await world.readConnect('eli');
        return status === 200;
      });
      expect(world.connect.stats.accountCalls).toBe(1);
    } finally {
      await vault.stop();
    }
  });
});

it('a database that went back gets the tokens of its last accounts again', async () => {
  const world = await createConnectWorld();
  try {
    await takenOver(world.database);
    await keepAside(world.database);
    expect(await createAt(world, world.vault, 'fay')).toEqual([201, undefined]);
    const before = (await (await world.readConnect('fay')).json()) as object;
    await eventually('both replicas have written since', async () => {
      const [row] = await world.database.query<{ since: number }>(
        `SELECT (min(now.beat - kept.beat))::int AS since
         FROM public.stitch_replicas now JOIN before.stitch_replicas kept USING (process)`,
      );
      return row !== undefined && row.since > 0;
    });
    await goBack(world.database);
    await eventually('both replicas have noticed', () =>
      world.vaults.every(({ logs }) => logs.some((line) => line.includes('database.went_back'))),
    );
    await eventually('both replicas work again', async () => {
      const ready = world.vaults.map((vault) => vault.request('/health/ready'));
      return (await Promise.all(ready)).every(({ status }) => status === 200);
    });
    for (const replica of [0, 1]) {
      const answer = await world.readConnect('fay', replica);
      expect(await answer.json()).toEqual(before);
    }
  } finally {
    await world.close();
  }
});
