import { startStitchMoney } from '../../sandbox/index.js';
import type { ConsentChoice, StitchMoneyOptions, StitchMoneySandbox } from '../../sandbox/index.js';
import type { ProviderFactory } from '../../src/providers/index.js';
import { createDatabase } from './database.js';
import type { TestDatabase } from './database.js';
import { ageGrant } from './grants.js';
import { createClient, freePort, launchVault } from './vault.js';
import type { TestVault } from './vault.js';

/** What `GET /tokens/:user_id` answers. */
export interface TokenAnswer {
  access_token: string;
  token_type: string;
  expires_in: number;
  expires_at: string;
  scope: string;
  provider: string;
  connection: string;
  version: number;
}

/** A database, a strict stitch.money and some replicas of the vault, all real. */
export interface World {
  readonly database: TestDatabase;
  readonly sandbox: StitchMoneySandbox;
  readonly vaults: TestVault[];
  /** The first replica. */
  readonly vault: TestVault;
  /** An API key with every scope. */
  readonly key: string;
  /** The environment that every replica was started with. */
  readonly environment: Record<string, string>;
  /** Links a user through the whole flow. @returns the callback's answer */
  link(userId: string, choice?: ConsentChoice & { connection?: string }): Promise<Response>;
  /** Reads a token from a replica. */
  read(userId: string, query?: string, replica?: number): Promise<Response>;
  /** Makes a grant's times older, so that nothing has to wait for time to pass. */
  age(userId: string, seconds: number): Promise<void>;
  close(): Promise<void>;
}

export interface WorldOptions {
  replicas?: number;
  environment?: Record<string, string>;
  sandbox?: StitchMoneyOptions;
  /** What can be linked, when it is to be more than the product itself knows. */
  providers?: readonly ProviderFactory[];
  /** An existing database, when replicas are to reach it in a way of their own. */
  database?: TestDatabase;
  /** A key with every scope that this database has already. */
  key?: string;
}

export async function createWorld(options: WorldOptions = {}): Promise<World> {
  const database = options.database ?? (await createDatabase());
  const publicPorts = await Promise.all(
    Array.from({ length: options.replicas ?? 1 }, () => freePort()),
  );
  const publicUrl = `http://127.0.0.1:${String(publicPorts[0])}`;
  const sandbox = await startStitchMoney({
    redirectUris: [`${publicUrl}/callback/stitch-money`],
    ...options.sandbox,
  });
  const key = options.key ?? (await createClient(database.url));
  const environment = {
    DATABASE_URL: database.url,
    PUBLIC_URL: publicUrl,
    STITCH_MONEY_ISSUER: sandbox.url,
    STITCH_MONEY_CLIENT_ID: sandbox.clientId,
    STITCH_MONEY_CLIENT_SECRET: sandbox.clientSecret,
    STITCH_MONEY_JWKS_URI: `${sandbox.url}/connect/jwks`,
    ...options.environment,
  };
  const vaults: TestVault[] = [];
  for (const port of publicPorts) {
    const own = { ...environment, PUBLIC_PORT: String(port) };
    vaults.push(await launchVault(own, options.providers));
  }
  const [vault] = vaults as [TestVault];

  return {
    database,
    sandbox,
    vaults,
    vault,
    key,
    environment,
    link: async (userId, { connection, ...choice } = {}) => {
      const created = await vault.request('/authorization-requests', {
        key,
        method: 'POST',
        body: JSON.stringify({ user_id: userId, connection }),
      });
      if (created.status !== 201) {
        throw new Error(`no link was begun: ${created.status} ${await created.text()}`);
      }
      const { authorization_url } = (await created.json()) as { authorization_url: string };
      return fetch(await sandbox.consent(authorization_url, choice), { redirect: 'manual' });
    },
    read: (userId, query = '', replica = 0) => {
      const target = vaults[replica] ?? vault;
      return target.request(`/tokens/${encodeURIComponent(userId)}${query}`, { key });
    },
    age: (userId, seconds) => ageGrant({ database, vaults }, userId, seconds),
    close: async () => {
      await Promise.all(vaults.map((each) => each.stop()));
      await sandbox.close();
      await database.drop();
    },
  };
}
