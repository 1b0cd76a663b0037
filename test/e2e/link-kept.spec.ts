import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { holdAnswers } from '../support/hold-answers.js';
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

describe('consents whose database stays away', () => {
  let world: World;
  let proxy: TcpProxy;
  let spool: string;
  /** Has a way to the database, and a spool, of its own. */
  let other: TestVault;
  beforeAll(async () => {
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
  afterAll(async () => {
    await other.stop();
    await world.close();
    await proxy.close();
    rmSync(spool, { recursive: true, force: true });
  });

  const emptied = (vault = world.vaults[0]!) =>
    eventually(
      'every consent is stored',
      async () => {
        const metrics = await (await vault.request('/metrics')).text();
        return /^stitch_vault_links_in_hand 0$/m.test(metrics);
      },
      LONG,
    );
  const request = ({ id }: BegunRequest) => requestStatus({ vault: other, key: world.key }, id);
  const read = (user: string) => other.request(`/tokens/${user}`, { key: world.key });
  const token = async (user: string) =>
    ((await (await read(user)).json()) as TokenAnswer).access_token;
  const remove = (user: string) =>
    other.request(`/tokens/${user}`, { key: world.key, method: 'DELETE' });
  /** Links in a replica that still has its database. */
  const linkAnew = async (body: Record<string, unknown>) => {
    const begun = await begin({ vault: other, key: world.key }, body);
    const { search } = new URL(await world.sandbox.consent(begun.authorization_url));
    expect((await visit(`${other.publicUrl}/callback/stitch-money${search}`)).status).toBe(200);
    return begun;
  };
  /** Users whose codes are being exchanged when the database goes away. */
  const cutOff = async (bodies: Record<string, unknown>[]): Promise<BegunRequest[]> => {
    const begun = await Promise.all(bodies.map((body) => begin(world, body)));
    const { stats, switches } = world.sandbox;
    const wanted = stats.codeCalls + bodies.length;
    const letAnswersGo = holdAnswers(switches);
    const callbacks = await Promise.all(
      begun.map(({ authorization_url }) => world.sandbox.consent(authorization_url)),
    );
    const answers = Promise.all(callbacks.map(visit));
    await eventually('the codes are being exchanged', () => stats.codeCalls === wanted);
    proxy.cut();
    letAnswersGo();
    for (const answer of await answers) {
      expect(answer.status).toBe(200);
      expect(await answer.text()).toContain('Almost there');
    }
    return begun;
  };

  it('are stored by the same process once it is back, and never again', async () => {
    const begun = await cutOff([{ user_id: 'ann' }, { user_id: 'ida' }]);
    for (const each of begun) expect((await request(each)).status).toBe('pending');
    expect((await read('ann')).status).toBe(404);
    // What a kill before the removal would leave behind.
    const copy = mkdtempSync(join(tmpdir(), 'stitch-vault-kept-'));
    cpSync(spool, copy, { recursive: true });
    proxy.restore();
    await emptied();
    for (const each of begun) expect((await request(each)).status).toBe('completed');
    expect(world.sandbox.isLive(await token('ann'))).toBe(true);
    // A day later the requests are gone, and one of the grants is.
    await world.database.query('DELETE FROM stitch_authorization_requests');
    await remove('ida');
    const late = await launchVault({ ...world.environment, SPOOL_DIR: copy, PUBLIC_PORT: '0' });
    await emptied(late);
    await late.stop();
    rmSync(copy, { recursive: true, force: true });
    expect((await read('ida')).status).toBe(404);
    await eventually('what is to be revoked is', async () => {
      return (await world.database.query('SELECT 1 FROM stitch_revocations')).length === 0;
    });
    expect(world.sandbox.isLive(await token('ann'))).toBe(true);
  });

  describe('and whose process has ended', () => {
    let begun: Map<string, BegunRequest>;
    let newest: string;
    let unconfirmed: BegunRequest;
    let revokedBefore: number;
    beforeAll(async () => {
      revokedBefore = world.sandbox.stats.familiesRevoked;
      const plain = ['dan', 'cat', 'eve', 'gus'].map((user_id) => ({ user_id }));
      const confirming = ['bea', 'fay'].map((user_id) => ({ user_id, confirm: true }));
      const bodies = [...plain, ...confirming];
      const all = await cutOff(bodies);
      begun = new Map(bodies.map(({ user_id }, index) => [user_id, all[index]!]));
      await world.vaults.pop()!.stop();
      await linkAnew({ user_id: 'cat' });
      newest = await token('cat');
      unconfirmed = await linkAnew({ user_id: 'fay', confirm: true });
      expect((await remove('eve')).status).toBe(204);
      // As an import does: a grant that no request led to.
      await world.database.query(
        `INSERT INTO stitch_grants (provider, user_id, connection, grant_id, status, access_token,
           scope, obtained_at)
         VALUES ('stitch-money', 'gus', 'default', gen_random_uuid(), 'active', '\\x01', '', now())`,
      );
      proxy.restore();
      world.vaults.push(await launchVault({ ...world.environment, PUBLIC_PORT: '0' }));
      await emptied();
    });
    const requestOf = (user: string) => request(begun.get(user)!);

    it('are stored by the next process of that spool', async () => {
      expect((await requestOf('dan')).status).toBe('completed');
      expect(world.sandbox.isLive(await token('dan'))).toBe(true);
    });

    it('still await their confirmation', async () => {
      expect((await requestOf('bea')).status).toBe('awaiting_confirmation');
      expect((await read('bea')).status).toBe(404);
    });

    it('stay away where the user has consented anew', async () => {
      expect(await requestOf('cat')).toMatchObject({ status: 'failed', error: 'superseded' });
      expect(await token('cat')).toBe(newest);
      expect(world.sandbox.isLive(newest)).toBe(true);
    });

    it('leave a later consent alone that waits for its confirmation', async () => {
      expect(await requestOf('fay')).toMatchObject({ status: 'failed', error: 'superseded' });
      const confirmation = await other.request(
        `/authorization-requests/${unconfirmed.id}/confirm`,
        { key: world.key, method: 'POST', body: JSON.stringify({ user_id: 'fay' }) },
      );
      expect(confirmation.status).toBe(200);
      expect((await read('fay')).status).toBe(200);
    });

    it('leave a grant alone that came without a consent', async () => {
      expect(await requestOf('gus')).toMatchObject({ status: 'failed', error: 'superseded' });
    });

    it('stay away where they were deleted before they were there', async () => {
      expect(await requestOf('eve')).toMatchObject({ status: 'failed', error: 'deleted' });
      expect((await read('eve')).status).toBe(404);
    });

    it('are revoked where they are not wanted any more', async () => {
      await eventually(
        'cat, fay, gus and eve are',
        () => world.sandbox.stats.familiesRevoked - revokedBefore === 4,
      );
    });
  });
});
