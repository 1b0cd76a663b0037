import { isLocalDatabase, readConnection } from './database.config.js';
import type { ConnectionConfig } from './database.config.js';
import { EnvironmentReader } from './environment-reader.js';
import type { Environment } from './environment-reader.js';
import { refuseUnsaidEnvironment } from './hazards.js';
import type { KeyringEntry } from './parsers.js';
import { readKeyring } from './read-keyring.js';
import type { ProvidersConfig } from './providers.config.js';
import { readLead } from './refresh.config.js';
import { NAMESPACES } from './vault-config.js';
import type { VaultConfig } from './vault-config.js';

/** What commands need that store tokens. */
export interface SealingConfig {
  readonly database: ConnectionConfig;
  readonly keyring: readonly KeyringEntry[];
  /** `REFRESH_LEAD`. */
  readonly leadMs: number;
}

/** What the command needs that tries to understand kept answers. */
export interface RereadConfig extends SealingConfig {
  readonly answerTimeoutMs: number;
  readonly providers: ProvidersConfig;
}

/**
 * Reads and validates the whole environment.
 *
 * @throws ConfigurationError naming every variable that is wrong or missing, never a value
 */
export function loadConfig(environment: Environment = process.env): VaultConfig {
  const reader = new EnvironmentReader(environment);
  const config = Object.fromEntries(
    Object.entries(NAMESPACES).map(([name, read]) => [name, read(reader)]),
  ) as VaultConfig;
  refuseUnsaidEnvironment(reader, isLocalDatabase(config.database));
  reader.finish();
  return config;
}

/**
 * The part of the environment that operator commands need.
 *
 * @throws ConfigurationError
 */
export function loadDatabaseConfig(environment: Environment = process.env): ConnectionConfig {
  const reader = new EnvironmentReader(environment);
  const config = readConnection(reader);
  reader.finish();
  return config;
}

/**
 * What operator commands need that store tokens. The keyring is never made up here: it has to be
 * the vault's own.
 *
 * @throws ConfigurationError
 */
export function loadSealingConfig(environment: Environment = process.env): SealingConfig {
  const reader = new EnvironmentReader(environment);
  const config = {
    database: readConnection(reader),
    leadMs: readLead(reader),
    keyring: readKeyring(reader, true),
  };
  reader.finish();
  return config;
}

/**
 * As above, with the providers: only what they are set up to be says what their answers mean.
 *
 * @throws ConfigurationError
 */
export function loadRereadConfig(environment: Environment = process.env): RereadConfig {
  const reader = new EnvironmentReader(environment);
  const { leadMs, answerTimeoutMs } = NAMESPACES.refresh(reader);
  const config = {
    database: readConnection(reader),
    leadMs,
    answerTimeoutMs,
    providers: NAMESPACES.providers(reader),
    keyring: readKeyring(reader, true),
  };
  reader.finish();
  return config;
}
