import { createConnectWorld } from '../support/connect-world.js';
import type { ConnectWorld } from '../support/connect-world.js';
import { createClient } from '../support/vault.js';

const NOBODYS = '00000000-0000-4000-8000-000000000000';
const ALL_BUT_ADMIN = [
  ...(['tokens:read', 'tokens:reject', 'tokens:write'] as const),
  ...(['authorizations:write', 'sessions:write', 'client-tokens:read'] as const),
];

interface Call {
  readonly method?: string;
  readonly path: string;
  readonly body?: unknown;
}

describe('a restricted client', () => {
  let world: ConnectWorld;
  let prefixed: string;
  let connectOnly: string;
  let free: string;
  beforeAll(async () => {
    world = await createConnectWorld({ replicas: 1 });
    for (const user of ['a-ann', 'b-ben']) await world.link(user);
    await world.linkConnect('a-ann');
    const { url } = world.database;
    prefixed = await createClient(url, ALL_BUT_ADMIN, { userPrefixes: ['a-', 'aa.'] });
    connectOnly = await createClient(url, ALL_BUT_ADMIN, { providers: ['stitch-connect'] });
    free = await createClient(url, ALL_BUT_ADMIN);
  });
  afterAll(() => world.close());

  const call = async (key: string, { method = 'GET', path, body }: Call) => {
    const answer = await world.vault.request(path, {
      key,
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    return { status: answer.status, text, code: code(text) };
  };
  const code = (text: string) => (text ? (JSON.parse(text) as { code?: string }).code : undefined);
  const begin = async (key: string, userId: string, more: object = {}) => {
    const body = { user_id: userId, ...more };
    const { text } = await call(key, { method: 'POST', path: '/authorization-requests', body });
    return JSON.parse(text) as { id: string; authorization_url: string };
  };
  const confirm = (key: string, id: string, userId: string) =>
    call(key, {
      method: 'POST',
      path: `/authorization-requests/${id}/confirm`,
      body: { user_id: userId },
    });

  /** Every way to name a grant, for a user. */
  const touching = (user: string, provider?: string): Call[] => {
    const query = provider ? `?provider=${provider}` : '';
    const body = { user_id: user, ...(provider && { provider }) };
    const person = { first_name: 'A', last_name: 'B', company: 'C', email: 'a@example.com' };
    return [
      { path: `/tokens/${user}${query}` },
      {
        method: 'POST',
        path: `/tokens/${user}/rejections`,
        body: { version: 1, ...(provider && { provider }) },
      },
      { method: 'DELETE', path: `/tokens/${user}${query}` },
      { method: 'POST', path: '/authorization-requests', body },
      ...(provider === 'stitch-money'
        ? []
        : [
            {
              method: 'POST',
              path: '/stitch-connect/accounts',
              body: { user_id: user, ...person },
            },
            { method: 'POST', path: '/stitch-connect/sessions', body: { user_id: user } },
          ]),
    ];
  };

  it('is served within its restriction', async () => {
    expect(await call(prefixed, { path: '/tokens/a-ann' })).toMatchObject({ status: 200 });
    expect(
      await call(connectOnly, { path: '/tokens/a-ann?provider=stitch-connect' }),
    ).toMatchObject({ status: 200 });
    expect((await begin(prefixed, 'aa.new')).id).toMatch(/-/);
  });

  /** Routes of a user as a whole: refused to whoever is restricted to some, also for these. */
  const touchingAll = (user: string): Call[] => [
    { path: `/users/${user}/grants` },
    { method: 'DELETE', path: `/users/${user}` },
  ];

  it('gets one and the same 403 for users outside, whether or not there are any', async () => {
    const answers = new Set<string>();
    for (const user of ['b-ben', 'nobody', 'A-ann', 'a', 'aa', 'ba-ann', '%61a']) {
      for (const each of [...touching(user), ...touchingAll(user)]) {
        const { status, text } = await call(prefixed, each);
        expect({ user, ...each, status }).toEqual({ user, ...each, status: 403 });
        answers.add(text);
      }
    }
    expect([...answers]).toHaveLength(1);
    expect([...answers][0]).toContain('"code":"forbidden"');
    expect((await call(free, { path: '/tokens/b-ben' })).status).toBe(200);
  });

  it('gets the same 403 for other providers, also for such as are not configured', async () => {
    for (const provider of ['stitch-money', 'nowhere']) {
      for (const each of touching('a-ann', provider).slice(0, 4)) {
        expect(await call(connectOnly, each)).toMatchObject({ status: 403, code: 'forbidden' });
      }
    }
    // The provider that is meant when none is named is outside as well.
    expect(await call(connectOnly, { path: '/tokens/a-ann' })).toMatchObject({ status: 403 });
  });

  it('gets the same 403 for requests outside and for those that do not exist', async () => {
    const outside = await begin(free, 'b-ben');
    const othersInside = await begin(free, 'a-ann');
    const texts = new Set<string>();
    for (const id of [outside.id, othersInside.id, NOBODYS]) {
      const read = await call(prefixed, { path: `/authorization-requests/${id}` });
      expect(read).toMatchObject({ status: 403, code: 'forbidden' });
      const confirmed = await confirm(prefixed, id, 'a-ann');
      expect(confirmed).toMatchObject({ status: 403, code: 'forbidden' });
      texts.add(read.text).add(confirmed.text);
    }
    expect(texts.size).toBe(1);
  });

  it('of some users gets no token of the client itself; of a provider gets those of that one', async () => {
    const path = (provider: string) => `/client-tokens/${provider}?scope=client_x`;
    const forbidden = { status: 403, code: 'forbidden' };
    expect(await call(prefixed, { path: path('stitch-money') })).toMatchObject(forbidden);
    expect(await call(connectOnly, { path: path('stitch-money') })).toMatchObject(forbidden);
    expect(await call(connectOnly, { path: path('nowhere') })).toMatchObject(forbidden);
    const none = { status: 404, code: 'unsupported' };
    expect(await call(connectOnly, { path: path('stitch-connect') })).toMatchObject(none);
    expect(await call(free, { path: path('stitch-money') })).toMatchObject({ status: 200 });
  });

  it('confirms with nobody outside, and discards nothing by trying', async () => {
    const begun = await begin(prefixed, 'a-cas', { confirm: true });
    await fetch(await world.sandbox.consent(begun.authorization_url));
    expect(await confirm(prefixed, begun.id, 'b-ben')).toMatchObject({ status: 403 });
    expect(await confirm(prefixed, begun.id, 'a-cas')).toMatchObject({ status: 200 });
    expect((await call(prefixed, { path: '/tokens/a-cas' })).status).toBe(200);
  });
});

describe('an authorization request', () => {
  let world: ConnectWorld;
  let maker: string;
  let other: string;
  beforeAll(async () => {
    world = await createConnectWorld({ replicas: 1 });
    maker = await createClient(world.database.url, ['authorizations:write'], { name: 'maker' });
    other = await createClient(world.database.url, ['authorizations:write']);
  });
  afterAll(() => world.close());

  const post = async (path: string, key: string, body: object) => {
    const init = { key, method: 'POST', body: JSON.stringify(body) };
    return world.vault.request(path, init);
  };
  const begin = async (key: string, userId: string) => {
    const answer = await post('/authorization-requests', key, { user_id: userId, confirm: true });
    const begun = (await answer.json()) as { id: string; authorization_url: string };
    await fetch(await world.sandbox.consent(begun.authorization_url));
    return begun.id;
  };
  const read = async (id: string, key: string) => {
    const { status } = await world.vault.request(`/authorization-requests/${id}`, { key });
    return status;
  };
  const confirm = async (id: string, key: string, userId: string) => {
    const answer = await post(`/authorization-requests/${id}/confirm`, key, { user_id: userId });
    return answer.status;
  };

  it('is read and confirmed by the client that made it: to others it does not exist', async () => {
    const id = await begin(maker, 'ann');
    expect(await read(id, other)).toBe(404);
    expect(await confirm(id, other, 'ann')).toBe(404);
    // Not even discarded: the wrong user named by the wrong client means nothing.
    expect(await confirm(id, other, 'eve')).toBe(404);
    expect(await read(id, maker)).toBe(200);
    expect(await confirm(id, maker, 'ann')).toBe(200);
  });

  it('is read and confirmed by admin as well', async () => {
    const id = await begin(maker, 'ben');
    expect(await read(id, world.key)).toBe(200);
    expect(await confirm(id, world.key, 'ben')).toBe(200);
  });

  it('does not pass to a client that gets the name of the one that made it', async () => {
    const id = await begin(maker, 'cas');
    await world.database.query(
      `UPDATE service_clients SET revoked_at = now() WHERE name = 'maker'`,
    );
    const heir = await createClient(world.database.url, ['authorizations:write'], {
      name: 'maker',
    });
    expect(await read(id, heir)).toBe(404);
    expect(await confirm(id, heir, 'cas')).toBe(404);
  });

  it('of the version before, which noted no client, is anybody’s who could confirm then', async () => {
    const id = await begin(other, 'dee');
    await world.database.query(
      'UPDATE stitch_authorization_requests SET client_id = NULL WHERE id = $1',
      [id],
    );
    const third = await createClient(world.database.url, ['authorizations:write']);
    const restricted = await createClient(world.database.url, ['authorizations:write'], {
      userPrefixes: ['e'],
    });
    expect(await read(id, restricted)).toBe(403);
    expect(await confirm(id, third, 'dee')).toBe(200);
  });
});
