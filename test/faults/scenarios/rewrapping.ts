import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { eventually } from '../../support/wait.js';
import { TEST_KEYRING } from '../../support/vault.js';
import { Arena } from '../arena.js';
import { adopt } from '../children.js';
import { countLost } from '../losses.js';
import { Findings, inArena, users } from '../scenario.js';
import type { Outcome, Scenario } from '../scenario.js';

/** What is sealed anew, and what it was sealed under. */
const NEW = `new-root:${Buffer.alloc(32, 7).toString('base64')}`;
const BOTH = `${NEW},${TEST_KEYRING}`;

interface KeyStatus {
  readonly primary: string;
  readonly keys: readonly { readonly id: string; readonly sealed_values: number }[];
}

/** The ceremony of docs/keys.md under load: `keys rewrap` is killed once, and the old key is taken away. */
export const rewrapping: Scenario = {
  name: 'rewrap',
  run: async (site, quick): Promise<Outcome[]> => {
    const everyone = users(quick ? 10_000 : 100_000);
    const found = new Findings('root key changed under load', `${everyone.length} grants, grace 0`);
    const arena = await Arena.open(site, {
      name: 'rewrap',
      replicas: 2,
      environment: { VAULT_KEYRING: BOTH },
      keyring: `${TEST_KEYRING},${NEW}`,
    });
    const environment = {
      ...process.env,
      DATABASE_URL: site.postgres.url(arena.database),
      VAULT_KEYRING: BOTH,
    };
    /** @returns the command's end: its exit code, and what it printed */
    const keys = (command: 'status' | 'rewrap') => {
      const child = adopt(
        spawn(process.execPath, [join(site.dist, 'cli.js'), 'keys', command, '--json'], {
          env: environment,
          stdio: ['ignore', 'pipe', 'ignore'],
        }),
      );
      let text = '';
      child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
      const ended = new Promise<{ code: number | null; text: string }>((resolve) => {
        child.once('close', (code) => {
          resolve({ code, text });
        });
      });
      return { child, ended };
    };
    /** @returns how many values are still sealed under another key than the first one */
    const left = async () => {
      const { primary, keys: all } = JSON.parse((await keys('status').ended).text) as KeyStatus;
      return all.reduce((sum, key) => sum + (key.id === primary ? 0 : key.sealed_values), 0);
    };
    return inArena(arena, async () => {
      await arena.start();
      // Some are rotated while the keys change; what a rotation brings is sealed under the new one.
      await arena.seed({
        users: everyone,
        lifetime: 900,
        age: () => 60,
        due: (index) => (index % 20 === 0 ? (index / everyone.length) * 60 : 700),
      });
      const readers = arena.openReaders(8);
      readers.run(everyone, 8, 10);
      const values = everyone.length * 2;
      const killed = keys('rewrap');
      // Rotations bring some of it about; the command has to have come as far as well.
      const moved = `SELECT count(*)::int AS count FROM stitch_grants
        WHERE position('new-root'::bytea IN access_token) > 0`;
      await eventually(
        'a part is sealed anew',
        async () => {
          const [row] = await arena.table.query<{ count: number }>(moved);
          return row!.count > everyone.length / 5;
        },
        120_000,
      );
      killed.child.kill('SIGKILL');
      await killed.ended;
      const between = await left();
      found.check(between > 0, 'it had ended before it was killed');
      const begun = performance.now();
      const { code, text } = await keys('rewrap').ended;
      const seconds = (performance.now() - begun) / 1000;
      found.check(code === 0, `exit code ${String(code)}`);
      const { rewrapped, remaining } = JSON.parse(text) as { rewrapped: number; remaining: number };
      found.check(remaining === 0, `${remaining} remain`);
      found.check(rewrapped < values, 'the second run began from the start');
      const after = await left();
      found.check(after === 0, `${after} values under the old key`);
      found.note(
        `killed with ${between} of ${values} values left; the second run sealed ${rewrapped} in ` +
          `${seconds.toFixed(1)} s, ${Math.round(rewrapped / seconds)} a second`,
      );

      // The old key goes; a replica that needs it would not start.
      for (const replica of arena.replicas) {
        await replica.end('SIGTERM');
        Object.assign(replica.options.environment, { VAULT_KEYRING: NEW });
        await replica.start();
        await arena.ready(arena.replicas.indexOf(replica));
      }
      const tally = await readers.stop();
      await arena.stopReplicas();
      const { reuseEvents, maxPresentations } = arena.sandbox.stats;
      found.check(reuseEvents === 0 && maxPresentations === 1, 'a refresh token presented twice');
      found.check(tally.refused === 0, `reads failed${tally.refusalText}`);
      found.note(
        `${tally.answered} reads answered, ${tally.cut} went on to the other replica at a restart, ` +
          `p99 ${tally.percentile(0.99).toFixed(0)} ms`,
      );
      return [found.conclude(arena, tally, await countLost(arena, found))];
    });
  },
};
