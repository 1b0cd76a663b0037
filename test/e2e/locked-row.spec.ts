import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { holdAnswers } from '../support/hold-answers.js';
import { spoolAnswer } from '../support/spooled-answer.js';
import { launchVault } from '../support/vault.js';
import { eventually } from '../support/wait.js';
import { createWorld } from '../support/world.js';
import type { TokenAnswer, World } from '../support/world.js';

/** An operator's transaction, say, that was begun and forgotten. */
describe('a row that somebody keeps locked', () => {
  let world: World;
  let operator: pg.Client;
  beforeAll(async () => {
    world = await createWorld({ environment: { REFRESH_POLICY: 'active', REFRESH_INTERVAL: '1' } });
    operator = new pg.Client({ connectionString: world.database.url });
    await operator.connect();
  });
  afterAll(async () => {
    await operator.end();
    await world.close();
  });

  const lock = async (user: string) => {
    await operator.query('BEGIN');
    await operator.query('SELECT 1 FROM stitch_grants WHERE user_id = $1 FOR UPDATE', [user]);
  };
  const lastRead = async (user: string) => {
    const [row] = await world.database.query<{ last_read_at: Date | null }>(
      'SELECT last_read_at FROM stitch_grants WHERE user_id = $1',
      [user],
    );
    return row?.last_read_at;
  };

  it('holds up no commit but its own, which is made once the row is free', async () => {
    for (const user of ['locked', 'neighbour']) {
      await world.link(user);
      await world.age(user, 890);
    }
    const letAnswersGo = holdAnswers(world.sandbox.switches);
    let answered = false;
    const first = world.read('locked').finally(() => (answered = true));
    await eventually('it is being rotated', () => world.sandbox.stats.refreshCalls === 1);
    const second = world.read('neighbour');
    await eventually('both are being rotated', () => world.sandbox.stats.refreshCalls === 2);
    await lock('locked');
    letAnswersGo();
    const free = await second;
    expect(free.status).toBe(200);
    expect(((await free.json()) as TokenAnswer).version).toBe(2);
    expect(answered).toBe(false);
    await operator.query('COMMIT');
    const late = await first;
    expect(late.status).toBe(200);
    expect(((await late.json()) as TokenAnswer).version).toBe(2);
    expect(world.sandbox.stats.refreshCalls).toBe(2);
    expect(world.sandbox.stats.reuseEvents).toBe(0);
  });

  it('holds up no note of a read but its own, which is made once the row is free', async () => {
    await world.database.query('UPDATE stitch_grants SET last_read_at = NULL');
    await lock('locked');
    for (const user of ['locked', 'neighbour']) expect((await world.read(user)).status).toBe(200);
    await eventually('the neighbour is noted', () => lastRead('neighbour'));
    expect(await lastRead('locked')).toBeNull();
    await operator.query('COMMIT');
    await eventually('the other one is noted', () => lastRead('locked'));
  });
});

describe('an answer in the spool whose row somebody keeps locked', () => {
  it('holds up no takeover, and is committed once the row is free', async () => {
    const world = await createWorld({ environment: { REFRESH_POLICY: 'on-demand' } });
    const operator = new pg.Client({ connectionString: world.database.url });
    const directory = mkdtempSync(join(tmpdir(), 'stitch-vault-locked-'));
    try {
      for (const user of ['held', 'taken']) {
        await world.link(user);
        await world.age(user, 890);
      }
      await spoolAnswer(world, directory, 'held');
      await world.vaults.pop()!.stop();
      await world.database.query(
        `UPDATE stitch_grants SET lease_owner = 'gone/1', rotation_started_at = now(),
           lease_expires_at = now() - interval '1 second', refresh_due_at = now()`,
      );
      await operator.connect();
      await operator.query('BEGIN');
      await operator.query(`SELECT 1 FROM stitch_grants WHERE user_id = 'held' FOR UPDATE`);
      const next = await launchVault({ ...world.environment, SPOOL_DIR: directory });
      world.vaults.push(next);
      await eventually('another lease is taken over', async () => {
        const answer = await next.request('/tokens/taken', { key: world.key });
        return answer.status === 200 && ((await answer.json()) as TokenAnswer).version === 2;
      });
      await operator.query('COMMIT');
      await eventually('the answer is committed', async () => {
        const [row] = await world.database.query<{ version: string }>(
          `SELECT version FROM stitch_grants WHERE user_id = 'held'`,
        );
        return row?.version === '2';
      });
      expect(world.sandbox.stats.refreshCalls).toBe(1);
    } finally {
      await operator.end();
      await world.close();
      rmSync(directory, { recursive: true, force: true });
    }
  });
});
