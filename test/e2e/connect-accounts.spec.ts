import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createConnectWorld } from '../support/connect-world.js';
import type { ConnectToken, ConnectWorld } from '../support/connect-world.js';
import { metric } from '../support/metrics.js';
import { freePort, launchVault } from '../support/vault.js';

const REFUSALS = 'stitch_vault_credential_refusals_total{provider="stitch-connect"}';

const account = (user: string) => ({
  user_id: user,
  first_name: 'Ann',
  last_name: 'Example',
  company: 'Example Ltd',
  email: `${user}@example.com`,
});

describe('creating accounts at stitchdata.com', () => {
  let world: ConnectWorld;
  beforeAll(async () => {
    world = await createConnectWorld({ environment: { PROVIDER_TIMEOUT: '1' } });
  });
  afterEach(() => {
    world.connect.reset();
  });
  afterAll(() => world.close());

  const create = async (user: string, change: object = {}, replica = 0) => {
    const answer = await world.post(
      '/stitch-connect/accounts',
      { ...account(user), ...change },
      replica,
    );
    return { answer, body: (await answer.json()) as Record<string, unknown> };
  };
  const exists = (user: string) =>
    world.connect.save().accounts.some(({ email }) => email === `${user}@example.com`);

  it('creates one, answers its number alone, and serves its token on every replica', async () => {
    world.connect.switches.regionRequired = true;
    const { answer, body } = await create('ann');
    expect(answer.status).toBe(201);
    const made = world.connect.save().accounts.find(({ email }) => email === 'ann@example.com');
    expect(made).toMatchObject({ first_name: 'Ann', company: 'Example Ltd' });
    expect(body).toEqual({ stitch_account_id: made?.stitchAccountId });
    for (const replica of [0, 1]) {
      const token = (await (await world.readConnect('ann', replica)).json()) as ConnectToken;
      expect(world.connect.isLive(token.access_token)).toBe(true);
      expect(token).toMatchObject({ expires_at: null, version: 1, ...body });
    }
  });

  it('tells an address that has an account by its own code, and stores nothing', async () => {
    await create('ben');
    const { answer, body } = await create('someone-else', { email: 'ben@example.com' }, 1);
    expect([answer.status, body.code]).toEqual([409, 'account_exists']);
    expect((await world.readConnect('someone-else')).status).toBe(404);
    expect(JSON.stringify(body)).not.toContain('ben@example.com');
  });

  it('passes on which fields the provider refuses, and refuses the rest itself', async () => {
    const { stats } = world.connect;
    const spaces = await create('cas', { company: ' ' });
    expect([spaces.answer.status, spaces.body.errors]).toEqual([
      400,
      { company: ['is refused by the provider'] },
    ]);
    const { accountCalls } = stats;
    for (const change of [{ email: 'no address' }, { region: 'mars' }, { last_name: undefined }]) {
      const { answer, body } = await create('cas', change);
      expect([answer.status, Object.keys(body.errors as object)]).toEqual([
        400,
        Object.keys(change),
      ]);
    }
    expect(stats.accountCalls).toBe(accountCalls);
  });

  describe('with credentials that the provider refuses', () => {
    it.each([
      ['the partner secret', { STITCH_CONNECT_PARTNER_SECRET: 'oc_changed_at_stitch' }],
      ['the partner id', { STITCH_CONNECT_PARTNER_ID: 'oc_nobody' }],
    ])('says that %s is our fault, and raises the metric', async (_, wrong) => {
      const port = String(await freePort());
      const vault = await launchVault({ ...world.environment, ...wrong, PUBLIC_PORT: port });
      try {
        for (const count of [1, 2]) {
          const answer = await vault.request('/stitch-connect/accounts', {
            key: world.key,
            method: 'POST',
            body: JSON.stringify(account('dee')),
          });
          const body = (await answer.json()) as Record<string, unknown>;
          expect([answer.status, body.code]).toEqual([502, 'partner_credentials_refused']);
          expect(await metric(vault, REFUSALS)).toBe(count);
        }
        expect(vault.logs.join('')).not.toContain(Object.values(wrong)[0]);
      } finally {
        await vault.stop();
      }
      expect(exists('dee')).toBe(false);
    });

    it('understands a plain 401 the same way', async () => {
      Object.assign(world.connect.switches, { fault: '401', faultOn: 'accounts' });
      const { answer, body } = await create('dee');
      expect([answer.status, body.code]).toEqual([502, 'partner_credentials_refused']);
      expect(await metric(world.vault, REFUSALS)).toBe(1);
    });
  });

  it.each([
    ['drop_after', true],
    ['hang_after', true],
    ['drop_before', false],
    ['hang', false],
    ['500', false],
    ['503', false],
    ['malformed', false],
  ] as const)('does not pretend to know when the answer is lost: %s', async (fault, made) => {
    const user = `lost-${fault.replace('_', '-')}`;
    Object.assign(world.connect.switches, { fault, faultOn: 'accounts' });
    const { answer, body } = await create(user);
    expect([answer.status, body.code]).toEqual([502, 'outcome_unknown']);
    expect(exists(user)).toBe(made);
    expect((await world.readConnect(user)).status).toBe(404);
    world.connect.reset();
    const second = await create(user);
    expect([second.answer.status, second.body.code]).toEqual(
      made ? [409, 'account_exists'] : [201, undefined],
    );
  });

  it('answers 503 when nothing can have happened: paused by the provider, or not let in', async () => {
    const paused = { fault: '429', faultOn: 'accounts', retryAfter: 77 } as const;
    Object.assign(world.connect.switches, paused);
    const { answer, body } = await create('eli');
    expect([answer.status, body.code]).toEqual([503, 'provider_unavailable']);
    expect(answer.headers.get('retry-after')).toBe('77');
    const nobody = `http://127.0.0.1:${String(await freePort())}`;
    const port = String(await freePort());
    const closed = { STITCH_CONNECT_API_URL: nobody, PUBLIC_PORT: port };
    const vault = await launchVault({ ...world.environment, ...closed });
    try {
      const refused = await vault.request('/stitch-connect/accounts', {
        key: world.key,
        method: 'POST',
        body: JSON.stringify(account('eli')),
      });
      expect([refused.status, Number(refused.headers.get('retry-after')) > 0]).toEqual([503, true]);
    } finally {
      await vault.stop();
    }
    expect(exists('eli')).toBe(false);
  });

  it('says that it was refused when the provider refuses for a reason not known: 502', async () => {
    const answers = [
      { status: 422, body: '{"code":"SomethingNew","message":"secret-detail"}' },
      { status: 404, body: '<html>secret-detail</html>' },
      { status: 409, body: '' },
    ];
    const partner = createServer((_, response) => {
      const { status, body } = answers[0]!;
      response.writeHead(status, { 'content-type': 'application/json' }).end(body);
    }).listen(0, '127.0.0.1');
    await new Promise((resolve) => partner.once('listening', resolve));
    const { port } = partner.address() as AddressInfo;
    const vault = await launchVault({
      ...world.environment,
      STITCH_CONNECT_API_URL: `http://127.0.0.1:${String(port)}`,
      PUBLIC_PORT: String(await freePort()),
    });
    try {
      for (; answers.length > 0; answers.shift()) {
        const refused = await vault.request('/stitch-connect/accounts', {
          key: world.key,
          method: 'POST',
          body: JSON.stringify(account('flo')),
        });
        const text = await refused.text();
        const { code } = JSON.parse(text) as { code: string };
        expect([refused.status, code]).toEqual([502, 'provider_refused']);
        expect(refused.headers.get('retry-after')).toBeNull();
        expect(text + vault.logs.join('')).not.toContain('secret-detail');
        expect(vault.logs.join('')).toContain(`http_${String(answers[0]?.status)}`);
      }
      expect(await metric(vault, REFUSALS)).toBe(0);
    } finally {
      await vault.stop();
      partner.close();
    }
    expect((await world.readConnect('flo')).status).toBe(404);
  });
});
