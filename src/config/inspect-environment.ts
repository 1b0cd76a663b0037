import { existsSync } from 'node:fs';
import { isLocalDatabase } from './database.config.js';
import { ConfigurationError, EnvironmentReader } from './environment-reader.js';
import type { ConfigurationProblem, Environment } from './environment-reader.js';
import { refuseUnsaidEnvironment } from './hazards.js';
import type { KeyringEntry } from './parsers.js';
import { readKeyring } from './read-keyring.js';
import { NAMESPACES } from './vault-config.js';
import type { VaultConfig } from './vault-config.js';

/** What can be read of an environment although something of it is wrong. */
export interface InspectedEnvironment {
  /** What is wrong has its default, or is empty. */
  readonly config: Omit<VaultConfig, 'encryption'>;
  readonly problems: readonly ConfigurationProblem[];
  /** Empty where there is none yet: in development the start makes one. */
  readonly keyring: readonly KeyringEntry[];
  readonly keyringProblems: readonly ConfigurationProblem[];
}

/** Reads as much as can be read. Writes nothing; a `VAULT_KEYRING_COMMAND` is run. */
export function inspectEnvironment(environment: Environment = process.env): InspectedEnvironment {
  const reader = new EnvironmentReader(environment);
  const config = Object.fromEntries(
    Object.entries(NAMESPACES)
      .filter(([name]) => name !== 'encryption')
      .map(([name, read]) => [name, read(reader)]),
  ) as Omit<VaultConfig, 'encryption'>;
  refuseUnsaidEnvironment(reader, isLocalDatabase(config.database));
  const keyringReader = new EnvironmentReader(environment);
  const given = ['VAULT_KEYRING', 'VAULT_KEYRING_COMMAND'].some((name) => keyringReader.has(name));
  const made = given || keyringReader.production || existsSync('.data/keyring');
  const keyring = made ? readKeyring(keyringReader, keyringReader.production) : [];
  return {
    config,
    problems: problemsOf(reader),
    keyring,
    keyringProblems: problemsOf(keyringReader),
  };
}

function problemsOf(reader: EnvironmentReader): readonly ConfigurationProblem[] {
  try {
    reader.finish();
    return [];
  } catch (error) {
    if (error instanceof ConfigurationError) return error.problems;
    throw error;
  }
}
