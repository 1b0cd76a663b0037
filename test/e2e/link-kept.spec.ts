import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createDatabase } from '../support/database.js';
import { begin, requestStatus, visit } from '../support/requests.js';
import type { BegunRequest } from '../support/requests.js';
import { startTcpProxy } from '../support/tcp-proxy.js';
import type { TcpProxy } from '../support/tcp-proxy.js';
import { freePort, launchVault } from '../support/vault.js';
import type { TestVault } from '../support/vault.js';
import { eventually } from '../support/wait.js';
import { createWorld } from '../support/world.js';
import type { TokenAnswer, World } from '../support/world.js';

/** Milliseconds: how long a callback waits for the database, and some room. */
const LONG = 30_000;

describe('a consent whose database stays away', () => {
  let world: World;
  let proxy: TcpProxy;
  let spool: string;
  /** Has a way to the database, and a spool, of its own. */
  let other: TestVault;
  beforeEach(async () => {
    const database = await createDatabase();
    proxy = await startTcpProxy(database.url);
    spool = mkdtempSync(join(tmpdir(), 'stitch-vault-kept-'));
    const environment = { DATABASE_URL: proxy.url, SPOOL_DIR: spool };
    world = await createWorld({ database, environment });
    other = await launchVault({
      ...world.environment,
      DATABASE_URL: database.url,
      SPOOL_DIR: join(spool, 'other'),
      PUBLIC_PORT: String(await freePort()),
    });
  });
  afterEach(async () => {
    await other.stop();
    await world.close();
    await proxy.close();
    rmSync(spool, { recursive: true, force: true });
  });

  const entries = () =>
    readdirSync(join(spool, 'links')).filter((name) => name.endsWith('.sealed'));
  const status = async ({ id }: BegunRequest) =>
    (await requestStatus({ vault: other, key: world.key }, id)).status;
  const read = (user: string) => other.request(`/tokens/${user}`, { key: world.key });
  /** Users whose codes have been exchanged when the database goes away for good. */
  const cutOff = async (...wishes: Record<string, unknown>[]): Promise<BegunRequest[]> => {
    const begun = await Promise.all(wishes.map((wish) => begin(world, wish)));
    world.sandbox.switches.latencyMs = 500;
    const callbacks = await Promise.all(
      begun.map(({ authorization_url }) => world.sandbox.consent(authorization_url)),
    );
    const answers = Promise.all(callbacks.map(visit));
    await eventually(
      'the codes are being exchanged',
      () => world.sandbox.stats.codeCalls === wishes.length,
    );
    proxy.cut();
    for (const answer of await answers) {
      expect(answer.status).toBe(200);
      expect(await answer.text()).toContain('Almost there');
    }
    world.sandbox.switches.latencyMs = 0;
    return begun;
  };

  it('is stored by the same process once it is back', async () => {
    const [ann] = await cutOff({ user_id: 'ann' });
    expect(await status(ann!)).toBe('pending');
    expect((await read('ann')).status).toBe(404);
    proxy.restore();
    await eventually('it is stored', async () => (await status(ann!)) === 'completed', LONG);
    const token = (await (await read('ann')).json()) as TokenAnswer;
    expect(world.sandbox.isLive(token.access_token)).toBe(true);
    await eventually('the spool is empty', () => entries().length === 0);
  });

  it('is stored by the next process of its spool, unless the user has consented anew', async () => {
    const [bea, cat, dan] = await cutOff(
      { user_id: 'bea', confirm: true },
      { user_id: 'cat' },
      { user_id: 'dan' },
    );
    await world.vaults.pop()!.stop();
    const again = await begin({ vault: other, key: world.key }, { user_id: 'cat' });
    const { search } = new URL(await world.sandbox.consent(again.authorization_url));
    expect((await visit(`${other.publicUrl}/callback/stitch-money${search}`)).status).toBe(200);
    const { access_token: newest } = (await (await read('cat')).json()) as TokenAnswer;
    proxy.restore();
    world.vaults.push(await launchVault({ ...world.environment, PUBLIC_PORT: '0' }));
    await eventually('the spool is empty', () => entries().length === 0, LONG);
    expect(await status(dan!)).toBe('completed');
    expect((await read('dan')).status).toBe(200);
    expect(await status(bea!)).toBe('awaiting_confirmation');
    expect((await read('bea')).status).toBe(404);
    expect(await requestStatus({ vault: other, key: world.key }, cat!.id)).toMatchObject({
      status: 'failed',
      error: 'superseded',
    });
    expect(((await (await read('cat')).json()) as TokenAnswer).access_token).toBe(newest);
    await eventually(
      'what nobody wants any more is revoked',
      () => world.sandbox.stats.familiesRevoked === 1,
    );
    expect(world.sandbox.isLive(newest)).toBe(true);
    expect(world.sandbox.stats.codeCalls).toBe(4);
  });
});
