import { createHash } from 'node:crypto';
import { readAudit, verifyAudit } from '../support/audit.js';
import type { AuditItem } from '../support/audit.js';
import { TEST_KEYRING, createClient } from '../support/vault.js';
import { eventually } from '../support/wait.js';
import { createWorld } from '../support/world.js';
import type { TokenAnswer, World } from '../support/world.js';
import { cleanUp, runCli } from './programs.js';

describe('the audit', () => {
  let world: World;
  beforeEach(async () => {
    world = await createWorld({ replicas: 2 });
  });
  afterEach(async () => {
    await cleanUp();
    await world.close();
  });

  const audit = (query = '') => readAudit(world.vault, world.key, query);
  /** Waits until an item is there that has all of this. */
  const item = (wanted: Partial<AuditItem>, query = '') =>
    eventually(`${JSON.stringify(wanted)} is in the audit`, async () =>
      (await audit(query)).find((each) =>
        Object.entries(wanted).every(([name, value]) => each[name as keyof AuditItem] === value),
      ),
    );
  const reads = async (user: string) =>
    (await audit(`&user_id=${user}&type=token.read`)).reduce((sum, { count }) => sum + count, 0);
  const clientOf = async (key: string) => {
    const [row] = await world.database.query<{ name: string }>(
      'SELECT name FROM service_clients WHERE key_hash = $1',
      [createHash('sha256').update(key).digest()],
    );
    return row?.name ?? '';
  };

  it('tells who linked, read, rejected and deleted what, and who was refused', async () => {
    const admin = await clientOf(world.key);
    await world.link('ann');
    expect(await item({ type: 'grant.linked' })).toMatchObject({
      client: admin,
      provider: 'stitch-money',
      user_id: 'ann',
      connection: 'default',
      version: 1,
      count: 1,
      outcome: 'done',
    });
    for (const replica of [0, 0, 1]) await world.read('ann', '', replica);
    await eventually('three reads are counted', async () => (await reads('ann')) === 3);
    // A page ends before whatever is being written at this moment: it may be looked for again.
    const first = await item({ type: 'token.read' }, '&type=token.read');
    expect(Object.keys(first)).toEqual([
      ...['position', 'at', 'type', 'client', 'provider', 'user_id', 'connection', 'version'],
      ...['count', 'outcome', 'request_id'],
    ]);
    expect(first).toMatchObject({ client: admin, version: 1, outcome: 'served' });

    await world.read('nobody');
    await item({
      type: 'token.read',
      user_id: 'nobody',
      outcome: 'token_not_found',
      version: null,
    });
    await world.vault.request('/tokens/ann/rejections', {
      key: world.key,
      method: 'POST',
      body: JSON.stringify({ version: 1 }),
    });
    await item({ type: 'token.rejected', user_id: 'ann', version: 1, outcome: 'served' });

    const writer = await createClient(world.database.url, ['tokens:write']);
    for (let round = 0; round < 2; round += 1)
      await world.vault.request('/tokens/ann', { key: writer });
    const name = await clientOf(writer);
    await eventually('both refusals are counted', async () => {
      const denied = await audit(`&type=access.denied&client=${name}`);
      return denied.reduce((sum, { count }) => sum + count, 0) === 2;
    });
    await item({ type: 'access.denied', client: name, user_id: 'ann', outcome: 'forbidden' });
    await world.vault.request('/tokens/ann');
    await world.vault.request('/tokens/bob', { key: `stv_${'x'.repeat(43)}` });
    const denied = { type: 'access.denied', client: null, user_id: null, outcome: 'unauthorized' };
    await item(denied);

    await world.vault.request('/tokens/ann', { key: writer, method: 'DELETE' });
    await item({ type: 'grant.deleted', client: name, user_id: 'ann', outcome: 'done' });
    expect(await verifyAudit(world.database.url)).toMatchObject({ code: 0, ok: true });
  });

  it('tells what was lost and suspended, and what operators did', async () => {
    await world.link('ann');
    const token = (await (await world.read('ann')).json()) as TokenAnswer;
    world.sandbox.revokeGrantOf(token.access_token);
    await world.vault.request('/tokens/ann/rejections', {
      key: world.key,
      method: 'POST',
      body: JSON.stringify({ version: 1 }),
    });
    await item({ type: 'grant.lost', user_id: 'ann', client: null, outcome: 'grant_revoked' });
    await item({ type: 'token.rejected', outcome: 'reauthorization_required' });
    const environment = { DATABASE_URL: world.database.url, VAULT_KEYRING: TEST_KEYRING };
    await runCli(['grants', 'delete', 'ann'], environment);
    await item({ type: 'grant.deleted', user_id: 'ann', client: 'operator' });
    await runCli(['clients', 'create', 'new', '--scope', 'tokens:read'], environment);
    await runCli(['clients', 'rotate', 'new'], environment);
    await runCli(['clients', 'revoke', 'new'], environment);
    for (const type of ['client.created', 'client.rotated', 'client.revoked']) {
      await item({ type, client: 'operator', outcome: 'new' });
    }
    const listed = await runCli(['audit', 'list', '--user', 'ann', '--limit', '1'], environment);
    expect(listed.stdout).toMatch(
      / grant\.deleted +operator +1 +done +stitch-money +ann +default\n$/,
    );
  });
});
