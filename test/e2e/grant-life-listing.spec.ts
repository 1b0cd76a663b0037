import { createConnectWorld } from '../support/connect-world.js';
import type { ConnectWorld } from '../support/connect-world.js';
import { seedGrants } from '../support/grants.js';
import { findNeedles } from '../support/needles.js';
import { createClient } from '../support/vault.js';

interface Item {
  provider: string;
  user_id: string;
  connection: string;
  status: string;
  version: number;
}
interface Page {
  items: Item[];
  next_cursor: string | null;
}

describe('GET /grants', () => {
  let world: ConnectWorld;
  const users = Array.from({ length: 120 }, (_, index) => `user-${String(index).padStart(3, '0')}`);
  beforeAll(async () => {
    world = await createConnectWorld({ environment: { REFRESH_POLICY: 'on-demand' } });
    const minted = new Map(users.map((user) => [user, world.sandbox.mint()]));
    await seedGrants(world.vault, minted, Date.now());
    await world.link('user-007', { connection: 'savings' });
    await world.linkConnect('user-007');
    await world.post('/tokens/user-007/rejections', { version: 1, provider: 'stitch-connect' });
  });
  afterAll(() => world.close());

  const get = (query: string, replica = 0, key = world.key) =>
    (world.vaults[replica] ?? world.vault).request(`/grants${query}`, { key });
  const page = async (query: string, replica = 0) => {
    const answer = await get(query, replica);
    expect(answer.status).toBe(200);
    return (await answer.json()) as Page;
  };
  const names = (items: Item[]) =>
    items.map(({ provider, user_id, connection }) => `${provider} ${user_id} ${connection}`);
  /** Every page from the first on, asking now one replica and now the other. */
  const pages = async (query: string, between?: () => Promise<unknown>) => {
    const all: Page[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const next = await page(query + (cursor && `&cursor=${cursor}`), all.length % 2);
      all.push(next);
      cursor = next.next_cursor;
      await between?.();
    }
    return all;
  };

  it('says of a grant what the contract names and nothing else', async () => {
    const { items } = await page('?provider=stitch-money&user_id=user-003');
    const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    expect(items).toEqual([
      {
        ...{ provider: 'stitch-money', user_id: 'user-003', connection: 'default' },
        ...{ status: 'active', reason: null, version: 1, failure_count: 0, last_error: null },
        scope: 'openid accounts balances transactions accountholders offline_access',
        ...{ obtained_at: time, expires_at: time, refresh_due_at: time, last_read_at: null },
      },
    ]);
  });

  it('holds no token, in whatever page or disguise', async () => {
    const texts = [];
    for (const query of ['?limit=500', '?status=suspended', '?user_id=user-007']) {
      const answer = await get(query);
      const text = JSON.stringify([...answer.headers]) + (await answer.text());
      texts.push({ name: query, text });
    }
    expect(texts[0]!.text.length).toBeGreaterThan(10_000);
    const needles = [...world.sandbox.issued, ...world.connect.issued];
    expect(needles.length).toBeGreaterThan(240);
    expect(findNeedles(needles, texts)).toEqual([]);
  });

  it('pages over 120 grants by 50: every one once, in order, null at the end', async () => {
    const all = await pages('?provider=stitch-money&limit=50');
    expect(all.map(({ items }) => items.length)).toEqual([50, 50, 21]);
    const listed = all.flatMap(({ items }) => names(items));
    const expected = users.map((user) => `stitch-money ${user} default`);
    expected.splice(8, 0, 'stitch-money user-007 savings');
    expect(listed).toEqual(expected);
  });

  it('has no empty page at the end when the last one is just full', async () => {
    const all = await pages('?provider=stitch-money&limit=11');
    expect(all.map(({ items }) => items.length)).toEqual(Array.from({ length: 11 }, () => 11));
    expect((await page('?user_id=nobody')).next_cursor).toBeNull();
  });

  it('neither repeats nor skips what was there all along, while others come and go', async () => {
    let round = 0;
    const all = await pages('?provider=stitch-money&limit=50', async () => {
      round += 1;
      await world.link(`aaa-${String(round)}`);
      await world.link(`user-119-${String(round)}`);
      const gone = `/tokens/aaa-${String(round - 1)}`;
      await world.vault.request(gone, { key: world.key, method: 'DELETE' });
    });
    const listed = all.flatMap(({ items }) => items.map(({ user_id }) => user_id));
    const stable = listed.filter((user) => /^user-\d{3}$/.test(user));
    expect(stable).toEqual([...users, 'user-007'].sort());
    expect(new Set(listed).size).toBe(listed.length - 1);
    await world.database.query(
      `DELETE FROM stitch_grants WHERE user_id LIKE 'aaa-%' OR user_id LIKE 'user-119-%'`,
    );
  });

  it('filters by provider, status and user, together and on every page', async () => {
    expect(names((await page('?user_id=user-007')).items)).toEqual([
      'stitch-connect user-007 default',
      'stitch-money user-007 default',
      'stitch-money user-007 savings',
    ]);
    const suspended = await page('?status=suspended');
    expect(suspended.items).toMatchObject([
      { provider: 'stitch-connect', status: 'suspended', reason: 'suspended', expires_at: null },
    ]);
    expect((await page('?status=suspended&provider=stitch-money')).items).toEqual([]);
    expect((await page('?status=reauthorization_required')).items).toEqual([]);
    const two = await pages('?user_id=user-007&limit=1');
    expect(two.map(({ items }) => items.length)).toEqual([1, 1, 1]);
    expect((await page('')).items).toHaveLength(50);
  });

  it.each([
    ['cursor', 'x'],
    ['cursor', '%00'],
    ['cursor', Buffer.from('null').toString('base64url')],
    ['cursor', Buffer.from('["stitch-money"]').toString('base64url')],
    ['cursor', Buffer.from('["stitch-money","a\\u0000","default"]').toString('base64url')],
    ['cursor', Buffer.from('{"0":"a"}').toString('base64url')],
    ['limit', '0'],
    ['limit', '501'],
    ['limit', '-1'],
    ['limit', '1e2'],
    ['status', 'dead'],
    ['provider', "'; DROP TABLE stitch_grants; --"],
    ['provider', 'not-configured'],
    ['user_id', ''],
  ])('refuses %s=%s', async (name, value) => {
    const answer = await get(`?${name}=${value}`);
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({
      code: 'invalid_request',
      errors: { [name]: [expect.any(String)] },
    });
  });

  it('is for admins alone', async () => {
    const scopes = ['tokens:read', 'tokens:write', 'authorizations:write'] as const;
    const key = await createClient(world.database.url, scopes);
    expect((await get('', 0, key)).status).toBe(403);
    expect((await world.vault.request('/grants')).status).toBe(401);
  });
});
