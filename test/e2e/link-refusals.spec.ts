import { ID_TOKEN_FAULTS } from '../../sandbox/stitch-money/switches.js';
import { metric } from '../support/metrics.js';
import { begin, requestStatus, visit } from '../support/requests.js';
import { eventually } from '../support/wait.js';
import { createWorld } from '../support/world.js';
import type { World } from '../support/world.js';

describe('linking: every way it can end without a grant', () => {
  let world: World;
  beforeAll(async () => {
    world = await createWorld({
      replicas: 2,
      environment: { REFRESH_POLICY: 'on-demand', RETURN_URL_ALLOWLIST: 'https://shop.example' },
    });
  });
  afterEach(() => {
    world.sandbox.reset();
  });
  afterAll(() => world.close());

  /** A request, and the callback URL that the provider led back to. */
  const consented = async (userId: string) => {
    const begun = await begin(world, { user_id: userId });
    return { ...begun, callback: await world.sandbox.consent(begun.authorization_url) };
  };
  const grantsOf = (userId: string) =>
    world.database.query('SELECT 1 FROM stitch_grants WHERE user_id = $1', [userId]);
  const page = async (answer: Response) => ({
    status: answer.status,
    title: /<h1>(.*)<\/h1>/.exec(await answer.text())?.[1],
  });

  it('shows a cancelled consent, which comes back with state alone, as declined', async () => {
    const begun = await begin(world, { user_id: 'ann' });
    const callback = await world.sandbox.consent(begun.authorization_url, { cancel: true });
    expect([...new URL(callback).searchParams.keys()]).toEqual(['state']);
    expect(await page(await visit(callback))).toEqual({
      status: 200,
      title: 'Your account was not linked',
    });
    const status = await requestStatus(world, begun.id);
    expect(status).toMatchObject({ status: 'denied', error: 'access_denied' });
    expect(status.completed_at).not.toBeNull();
    expect((await world.read('ann')).status).toBe(404);
  });

  it.each([
    ['access_denied', 200, 'denied'],
    ['server_error', 400, 'failed'],
    ['temporarily_unavailable', 400, 'failed'],
  ])('understands error=%s: %i, %s', async (error, httpStatus, status) => {
    world.sandbox.switches.cancelError = error;
    const begun = await begin(world, { user_id: 'ben' });
    const callback = await world.sandbox.consent(begun.authorization_url, { cancel: true });
    expect((await visit(callback)).status).toBe(httpStatus);
    expect(await requestStatus(world, begun.id)).toMatchObject({ status, error });
    expect(world.sandbox.stats.codeCalls).toBe(0);
  });

  it('repeats no text of the provider that it does not know to be harmless', async () => {
    world.sandbox.switches.cancelError = '<script>alert("x")</script>';
    const begun = await begin(world, { user_id: 'ben' });
    const callback = await world.sandbox.consent(begun.authorization_url, { cancel: true });
    const answer = await visit(callback);
    expect(answer.status).toBe(400);
    expect(await answer.text()).not.toContain('alert');
    expect((await requestStatus(world, begun.id)).error).toBe('unrecognised_error');
  });

  it('refuses an expired request and leaves its code alone', async () => {
    const { id, callback } = await consented('cas');
    await world.database.query(
      `UPDATE stitch_authorization_requests
       SET created_at = created_at - interval '1 hour', expires_at = expires_at - interval '1 hour'
       WHERE id = $1`,
      [id],
    );
    expect(await page(await visit(callback))).toEqual({
      status: 400,
      title: 'This link cannot be used',
    });
    expect((await requestStatus(world, id)).status).toBe('expired');
    expect(world.sandbox.stats.codeCalls).toBe(0);
  });

  it('exchanges a code once when the callback is replayed', async () => {
    const { id, callback } = await consented('dee');
    expect((await visit(callback)).status).toBe(200);
    expect((await visit(callback)).status).toBe(400);
    expect(await requestStatus(world, id)).toMatchObject({ status: 'completed', error: null });
    expect(world.sandbox.stats).toMatchObject({ codeCalls: 1, codeReuseEvents: 0 });
    expect((await world.read('dee')).status).toBe(200);
  });

  it('exchanges a code once when the callback arrives 20 times at once, on both replicas, and answers all alike', async () => {
    const { callback } = await consented('eli');
    world.sandbox.switches.latencyMs = 1000;
    const { pathname, search } = new URL(callback);
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        visit(`${world.vaults[index % 2]!.publicUrl}${pathname}${search}`),
      ),
    );
    const statuses = answers.map(({ status }) => status).sort();
    expect(statuses).toEqual(Array.from({ length: 20 }, () => 200));
    expect(world.sandbox.stats).toMatchObject({ codeCalls: 1, codeReuseEvents: 0 });
    expect((await world.read('eli', '', 1)).status).toBe(200);
  });

  it('answers an unknown state and a missing one alike, with no detail', async () => {
    const { callback } = await consented('flo');
    const unknown = new URL(callback);
    unknown.searchParams.set('state', 'A'.repeat(43));
    const missing = new URL(callback);
    missing.searchParams.delete('state');
    const answers = [await visit(unknown), await visit(missing)];
    expect(answers.map(({ status }) => status)).toEqual([400, 400]);
    const [first, second] = await Promise.all(answers.map((answer) => answer.text()));
    expect(first).toBe(second);
    expect(world.sandbox.stats.codeCalls).toBe(0);
  });

  it('refuses the answer of a provider that gives another name (RFC 9207)', async () => {
    const { id, callback } = await consented('flo');
    const answer = await visit(`${callback}&iss=${encodeURIComponent('https://evil.example')}`);
    expect(answer.status).toBe(400);
    expect(await requestStatus(world, id)).toMatchObject({ error: 'issuer_mismatch' });
    expect(world.sandbox.stats.codeCalls).toBe(0);
  });

  it('fails a code that the provider refuses with 400', async () => {
    const { id, callback } = await consented('gus');
    const forged = new URL(callback);
    forged.searchParams.set('code', 'A'.repeat(43));
    expect((await visit(forged)).status).toBe(400);
    expect(await requestStatus(world, id)).toMatchObject({
      status: 'failed',
      error: 'invalid_grant',
    });
  });

  it.each(ID_TOKEN_FAULTS.filter((fault) => fault !== 'none' && fault !== 'wrong_subject'))(
    'believes no id_token that is %s: 502, and no grant is stored',
    async (fault) => {
      const { id, callback } = await consented('hal');
      world.sandbox.switches.idTokenFault = fault;
      const revoked = world.sandbox.stats.familiesRevoked;
      expect(await page(await visit(callback))).toEqual({
        status: 502,
        title: 'Your account could not be linked',
      });
      expect((await requestStatus(world, id)).status).toBe('failed');
      expect(await grantsOf('hal')).toEqual([]);
      // Nobody will use the tokens beside it: they don't live on at the provider.
      await eventually(
        'they are revoked',
        () => world.sandbox.stats.familiesRevoked === revoked + 1,
      );
    },
  );

  it('counts a code exchange in which our secret is refused, and no other failure', async () => {
    const refusals = () =>
      metric(world.vault, 'stitch_vault_credential_refusals_total{provider="stitch-money"}');
    const before = await refusals();
    for (const [tokenFault, more] of [
      ['503', 0],
      ['invalid_client', 1],
      ['invalid_client', 2],
    ] as const) {
      const { callback } = await consented('hanna');
      Object.assign(world.sandbox.switches, { tokenFault, faultOn: 'code' });
      expect((await visit(callback)).status).toBe(502);
      expect((await refusals()) - before).toBe(more);
    }
  });

  it.each([
    ['is down', { down: true }],
    ['answers 503', { tokenFault: '503', faultOn: 'code' }],
    ['answers 429', { tokenFault: '429', faultOn: 'code' }],
    ['refuses our secret', { tokenFault: 'invalid_client', faultOn: 'code' }],
    ['cuts its answer off', { tokenFault: 'malformed_after', faultOn: 'code' }],
    ['drops the connection', { tokenFault: 'drop_after', faultOn: 'code' }],
  ] as const)('answers 502 when the token endpoint %s', async (_, switches) => {
    const { id, callback } = await consented('ivy');
    Object.assign(world.sandbox.switches, switches);
    expect((await visit(callback)).status).toBe(502);
    expect((await requestStatus(world, id)).status).toBe('failed');
    expect(await grantsOf('ivy')).toEqual([]);
    world.sandbox.reset();
    expect((await visit(callback)).status).toBe(400);
    expect(world.sandbox.stats.codeCalls).toBe(0);
  });

  describe('somebody who can write to the database', () => {
    const changed = async (id: string, change: string) => {
      await world.database.query(
        `UPDATE stitch_authorization_requests SET ${change} WHERE id = $1`,
        [id],
      );
    };
    const reports = (id: string) =>
      world.vaults
        .flatMap(({ logs }) => logs)
        .map((line) => JSON.parse(line) as Record<string, unknown>)
        .filter((line) => line.event === 'authorization_request.altered')
        .filter((line) => line.authorization_request === id)
        .map(({ level, reason }) => ({ level, reason }));
    const REPORT = { level: 50, reason: 'not_authentic' };

    it.each([
      ['whose account it becomes', `user_id = 'mallory'`],
      ['which connection it becomes', `connection = 'other'`],
      ['that it is to be confirmed', `confirm = false`],
      ['where the browser ends', `return_to = 'https://evil.example/'`],
      ['which scopes count as granted', `scope = 'openid payments'`],
      ['the sealed verifier', `code_verifier = nonce`],
    ])('cannot change %s: the code is not spent, and it is reported', async (_, change) => {
      const refusals = async () => {
        const name = 'stitch_vault_requests_refused_total';
        const [first = 0, second = 0] = await Promise.all(
          world.vaults.map((vault) => metric(vault, name)),
        );
        return first + second;
      };
      const before = await refusals();
      const begun = await begin(world, {
        user_id: 'jan',
        confirm: true,
        return_to: 'https://shop.example/done',
      });
      const callback = await world.sandbox.consent(begun.authorization_url);
      await changed(begun.id, change);
      for (const answer of [await visit(callback), await visit(callback)]) {
        expect(answer.status).toBe(400);
        expect(answer.headers.get('location')).toBeNull();
      }
      expect(reports(begun.id)).toEqual([REPORT]);
      expect((await refusals()) - before).toBe(1);
      expect(world.sandbox.stats.codeCalls).toBe(0);
      for (const user of ['jan', 'mallory']) expect((await world.read(user)).status).toBe(404);
      const [row] = await world.database.query<{ error: string }>(
        'SELECT error FROM stitch_authorization_requests WHERE id = $1',
        [begun.id],
      );
      expect(row?.error).toBe('not_authentic');
    });

    it('cannot put the state of one request into another', async () => {
      const victims = await consented('jan');
      const mallorys = await consented('mallory');
      const state = new URL(victims.callback).searchParams.get('state');
      await changed(victims.id, `stitch_state = '${'x'.repeat(43)}'`);
      await changed(mallorys.id, `stitch_state = '${state}'`);
      expect((await visit(victims.callback)).status).toBe(400);
      expect(reports(mallorys.id)).toEqual([REPORT]);
      expect(world.sandbox.stats.codeCalls).toBe(0);
      expect((await world.read('mallory')).status).toBe(404);
    });

    it('cannot send a browser that comes by again to a place of their own', async () => {
      const begun = await begin(world, {
        user_id: 'kim',
        return_to: 'https://shop.example/done',
      });
      const callback = await world.sandbox.consent(begun.authorization_url);
      const first = await visit(callback);
      expect(first.headers.get('location')).toMatch(/^https:\/\/shop\.example\/done\?/);
      const cookie = first.headers
        .getSetCookie()
        .map((each) => each.split(';')[0])
        .join('; ');
      const again = () => fetch(callback, { redirect: 'manual', headers: { cookie } });
      expect((await again()).headers.get('location')).toMatch(/^https:\/\/shop\.example\//);
      await changed(begun.id, `return_to = 'https://evil.example/'`);
      const answer = await again();
      expect(answer.headers.get('location')).toBeNull();
      expect(answer.status).toBe(200);
    });
  });
});
