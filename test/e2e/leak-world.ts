import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createDatabase } from '../support/database.js';
import { dumpDirectory } from '../support/dump.js';
import type { Haystack, Needle } from '../support/needles.js';
import { begin } from '../support/requests.js';
import { startTcpProxy } from '../support/tcp-proxy.js';
import type { TcpProxy } from '../support/tcp-proxy.js';
import { createClient } from '../support/vault.js';
import { createWorld } from '../support/world.js';
import type { World } from '../support/world.js';

/** Two replicas that log all they can, with secrets of their own, and what they answered. */
export interface LeakWorld {
  readonly world: World;
  /** The replicas' way to the database. */
  readonly proxy: TcpProxy;
  /** Every answer kept so far. */
  readonly answers: readonly Haystack[];
  readonly keys: { readonly writeOnly: string; readonly wrong: string };
  readonly clientSecrets: readonly string[];
  /** Everything that was issued or configured so far. */
  readonly needles: () => Needle[];
  readonly spooled: () => Haystack[];
  /** Keeps what an answer says, unless it is the one that is there to bring a token. */
  readonly keep: (name: string, answer: Response) => Promise<number>;
  /** Ages a grant until its token is too old to be served, on every replica. */
  readonly makeStale: (userId: string) => Promise<void>;
  /** Begins a link and consents. @returns the callback URL */
  readonly consent: (
    userId: string,
    options?: { returnTo?: string; cancel?: boolean; confirm?: boolean },
  ) => Promise<string>;
  readonly close: () => Promise<void>;
}

const random = () => randomBytes(32).toString('base64url');

export async function createLeakWorld(): Promise<LeakWorld> {
  const database = await createDatabase();
  const proxy = await startTcpProxy(database.url);
  const spoolDirectory = mkdtempSync(join(tmpdir(), 'stitch-vault-leaks-'));
  const keyringKey = randomBytes(32);
  const clientSecrets = [random(), random()];
  const world = await createWorld({
    replicas: 2,
    database,
    sandbox: { clientSecrets },
    environment: {
      DATABASE_URL: proxy.url,
      LOG_LEVEL: 'trace',
      REFRESH_POLICY: 'on-demand',
      SPOOL_DIR: spoolDirectory,
      VAULT_KEYRING: `leaks:${keyringKey.toString('base64')}`,
      STITCH_MONEY_CLIENT_SECRET: clientSecrets.join(','),
      RETURN_URL_ALLOWLIST: 'https://app.example.com',
    },
  });
  const keyring = `leaks:${keyringKey.toString('base64')}`;
  const keys = {
    writeOnly: await createClient(database.url, ['tokens:write'], {}, keyring),
    wrong: random(),
  };
  const answers: Haystack[] = [];
  return {
    ...{ world, proxy, answers, keys, clientSecrets },
    needles: () => [
      ...world.sandbox.issued,
      ...clientSecrets.map((value) => ({ kind: 'client_secret', value })),
      ...[world.key, keys.writeOnly, keys.wrong].map((value) => ({ kind: 'api_key', value })),
      ...(['base64', 'hex', 'latin1'] as const).map((encoding) => ({
        kind: 'keyring',
        value: keyringKey.toString(encoding),
      })),
    ],
    spooled: () => dumpDirectory(spoolDirectory),
    keep: async (name, answer) => {
      const head = JSON.stringify([...answer.headers]);
      const body = await answer.text();
      const withToken = answer.status === 200 && name.startsWith('read');
      const text = withToken ? head : head + body;
      answers.push({ name: `${name}: ${String(answer.status)}`, text });
      return answer.status;
    },
    makeStale: (userId) => world.age(userId, 890),
    consent: async (userId, { returnTo, cancel, confirm } = {}) => {
      const begun = await begin(world, { user_id: userId, return_to: returnTo, confirm });
      return world.sandbox.consent(begun.authorization_url, { cancel });
    },
    close: async () => {
      await world.close();
      await proxy.close();
      rmSync(spoolDirectory, { recursive: true, force: true });
    },
  };
}
