import { randomBytes, randomInt } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DataSource } from 'typeorm';
import { vouchingKey } from '../../src/audit/index.js';
import { ClientRegistry, ServiceClient } from '../../src/clients/index.js';
import type { KeySource } from '../../src/clients/index.js';
import type { NewClient } from '../../src/clients/index.js';
import { Log } from '../../src/common/index.js';
import type { ClientScope } from '../../src/common/index.js';
import { loadConfig } from '../../src/config/index.js';
import { parseKeyring } from '../../src/config/parsers.js';
import { dataSourceOptions } from '../../src/database/index.js';
import { Keyring, Sealer } from '../../src/encryption/index.js';
import type { ProviderFactory } from '../../src/providers/index.js';
import { startVault } from '../../src/start/vault.js';
import type { Vault } from '../../src/start/vault.js';
import { connectionTo } from './database.js';

/** A vault in this process, with what a test wants to know of it. */
export interface TestVault extends Vault {
  /** Every line it logged. */
  readonly logs: string[];
  /** One HTTP request to the internal listener, with the given API key. */
  request(path: string, init?: RequestInit & { key?: string }): Promise<Response>;
}

/** The keyring that all vaults of the tests share. */
export const TEST_KEYRING = `test:${Buffer.alloc(32, 7).toString('base64')}`;

/** The environment of a vault: loopback, free ports, its own spool. */
export async function vaultEnvironment(
  overrides: Record<string, string>,
): Promise<Record<string, string>> {
  const publicPort = overrides.PUBLIC_PORT ?? String(await freePort());
  return {
    NODE_ENV: 'test',
    PORT: '0',
    PUBLIC_PORT: publicPort,
    PUBLIC_URL: `http://127.0.0.1:${publicPort}`,
    VAULT_KEYRING: TEST_KEYRING,
    LOG_LEVEL: 'debug',
    // All browsers of a test are one address.
    PUBLIC_REQUESTS_PER_SECOND: '0',
    ...overrides,
  };
}

/**
 * Starts a vault in this process.
 *
 * @param providers what can be linked, when it is to be more than the product itself knows
 */
export async function launchVault(
  overrides: Record<string, string>,
  providers?: readonly ProviderFactory[],
): Promise<TestVault> {
  const spool = mkdtempSync(join(tmpdir(), 'stitch-vault-spool-'));
  const config = loadConfig(await vaultEnvironment({ SPOOL_DIR: spool, ...overrides }));
  const logs: string[] = [];
  const log = new Log(config.process.logLevel, { write: (line: string) => void logs.push(line) });
  const onFatal = (error: Error) => {
    throw error;
  };
  const vault = await startVault(config, log, onFatal, providers);
  return {
    ...vault,
    logs,
    request: (path, { key, ...init } = {}) =>
      fetch(`${vault.internalUrl}${path}`, {
        redirect: 'manual',
        ...init,
        headers: {
          ...(key ? { authorization: `Bearer ${key}` } : {}),
          ...(init.body ? { 'content-type': 'application/json' } : {}),
          ...(init.headers as Record<string, string> | undefined),
        },
      }),
    stop: async () => {
      await vault.stop();
      // Work that was cut short at the deadline of a stop may still write a line.
      rmSync(spool, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** What vouches for clients in a database whose vaults have this keyring. */
export const keysOf =
  (keyring = TEST_KEYRING): KeySource =>
  async (query) => {
    const sealer = new Sealer(new Keyring(parseKeyring(keyring)));
    return vouchingKey(query, () => sealer);
  };

/** Creates a caller of the internal API. @returns its key, or nothing for one without */
export async function createClient(
  databaseUrl: string,
  scopes: readonly ClientScope[] = ['admin'],
  rest: Omit<NewClient, 'name' | 'scopes'> & { readonly name?: string } = {},
  keyring = TEST_KEYRING,
): Promise<string> {
  const dataSource = new DataSource({
    ...dataSourceOptions(connectionTo(databaseUrl)),
    entities: [ServiceClient],
  });
  await dataSource.initialize();
  try {
    const name = `test-${randomBytes(4).toString('hex')}`;
    const registry = new ClientRegistry(dataSource, keysOf(keyring));
    const { key } = await registry.add({ name, scopes, ...rest });
    return key ?? '';
  } finally {
    await dataSource.destroy();
  }
}

/**
 * A port that nobody listens on now. Not one that the system gives away: it could give the same one
 * to somebody else before it is used.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(20_000, 32_000);
    const probe = createServer().listen(port, '127.0.0.1');
    const free = await once(probe, 'listening').then(
      () => true,
      () => false,
    );
    if (!free) continue;
    await new Promise((resolve) => probe.close(resolve));
    return port;
  }
}
