import { createDatabase } from '../support/database.js';
import { holdAnswers } from '../support/hold-answers.js';
import { begin, requestStatus, visit } from '../support/requests.js';
import { startTcpProxy } from '../support/tcp-proxy.js';
import { eventually } from '../support/wait.js';
import { createWorld } from '../support/world.js';
import type { TokenAnswer } from '../support/world.js';

describe('linking while the database comes and goes, or the provider is slow', () => {
  it('finishes a link whose provider answers when its browser was sent away, unless the user has linked anew', async () => {
    const world = await createWorld({ environment: { PROVIDER_TIMEOUT: '1' } });
    try {
      const letAnswersGo = holdAnswers(world.sandbox.switches);
      const users = ['cas', 'dee'];
      const begun = await Promise.all(users.map((user_id) => begin(world, { user_id })));
      const visits = begun.map(async ({ authorization_url }) =>
        visit(await world.sandbox.consent(authorization_url)),
      );
      expect((await Promise.all(visits)).map(({ status }) => status)).toEqual([502, 502]);
      const statuses = () =>
        Promise.all(begun.map(async ({ id }) => (await requestStatus(world, id)).status));
      expect(await statuses()).toEqual(['pending', 'pending']);
      world.sandbox.switches.latencyMs = 0;
      const again = await begin(world, { user_id: 'dee' });
      const callback = await world.sandbox.consent(again.authorization_url);
      expect((await visit(callback)).status).toBe(200);
      const newer = (await (await world.read('dee')).json()) as TokenAnswer;
      letAnswersGo();
      await eventually('both have ended', async () => !(await statuses()).includes('pending'));
      expect(await statuses()).toEqual(['completed', 'failed']);
      expect((await (await world.read('dee')).json()) as TokenAnswer).toEqual({
        ...newer,
        expires_in: expect.any(Number) as number,
      });
      const late = (await (await world.read('cas')).json()) as TokenAnswer;
      expect(world.sandbox.isLive(late.access_token)).toBe(true);
      expect(world.sandbox.stats.codeCalls).toBe(3);
    } finally {
      await world.close();
    }
  });

  it('keeps a grant and waits for a database that goes away between claim and store', async () => {
    const database = await createDatabase();
    const proxy = await startTcpProxy(database.url);
    const world = await createWorld({ database, environment: { DATABASE_URL: proxy.url } });
    try {
      const begun = await begin(world, { user_id: 'ann' });
      const callback = await world.sandbox.consent(begun.authorization_url);
      const letAnswersGo = holdAnswers(world.sandbox.switches);
      const answer = visit(callback);
      await eventually('the code is being exchanged', () => world.sandbox.stats.codeCalls === 1);
      proxy.cut();
      letAnswersGo();
      await eventually('the provider has answered', () => world.sandbox.stats.inFlight === 0);
      await eventually('the vault missed its database', () =>
        world.vault.logs.some((line) => line.includes('database.lost')),
      );
      const [stored] = await database.query('SELECT 1 FROM stitch_grants');
      expect(stored).toBeUndefined();
      proxy.restore();
      expect((await answer).status).toBe(200);
      expect((await requestStatus(world, begun.id)).status).toBe('completed');
      const token = (await (await world.read('ann')).json()) as TokenAnswer;
      expect(world.sandbox.isLive(token.access_token)).toBe(true);
      expect(world.sandbox.stats.codeCalls).toBe(1);
    } finally {
      await world.close();
      await proxy.close();
    }
  });

  it('leaves a callback that arrives without a database usable: 503 first, then 200', async () => {
    const database = await createDatabase();
    const proxy = await startTcpProxy(database.url);
    const world = await createWorld({ database, environment: { DATABASE_URL: proxy.url } });
    try {
      const begun = await begin(world, { user_id: 'ben' });
      const callback = await world.sandbox.consent(begun.authorization_url);
      proxy.cut();
      const refused = await visit(callback);
      expect(refused.status).toBe(503);
      expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
      expect(world.sandbox.stats.codeCalls).toBe(0);
      proxy.restore();
      await eventually('the same callback is taken', async () => {
        const { status } = await visit(callback);
        return status === 200;
      });
      expect(world.sandbox.stats.codeCalls).toBe(1);
    } finally {
      await world.close();
      await proxy.close();
    }
  });
});
