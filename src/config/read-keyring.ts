import { existsSync } from 'node:fs';
import { developmentKeyring } from './development-keyring.js';
import type { EnvironmentReader } from './environment-reader.js';
import { isZero } from './hazards.js';
import {
  COMMAND,
  KeyringCommandError,
  parseCommand,
  runKeyringCommand,
} from './keyring-command.js';
import type { KeyringCommand } from './keyring-command.js';
import { parseKeyring } from './parsers.js';
import type { KeyringEntry } from './parsers.js';

/** Made by {@link developmentKeyring}. */
const CHECKOUT_KEYRING = '.data/keyring';
const KEYRING = 'id:base64(32 bytes), comma-separated, ids unique';

/**
 * The keyring: from `VAULT_KEYRING`, or from what `VAULT_KEYRING_COMMAND` prints.
 *
 * @param required whether one must be given, or be there in a checkout; else one is made there
 */
export function readKeyring(reader: EnvironmentReader, required: boolean): KeyringEntry[] {
  const before = reader.problemCount;
  const given = reader.parse<KeyringEntry[]>('VAULT_KEYRING', KEYRING, [], parseKeyring);
  const command = reader.parse<KeyringCommand | undefined>(
    'VAULT_KEYRING_COMMAND',
    COMMAND,
    undefined,
    parseCommand,
  );
  if (given.length > 0 && command) {
    reader.refuse(
      'VAULT_KEYRING_COMMAND',
      'either VAULT_KEYRING or VAULT_KEYRING_COMMAND, not both',
    );
  }
  refuseZeros(reader, 'VAULT_KEYRING', given);
  if (reader.problemCount > before || given.length > 0) return given;
  if (command) return fromCommand(reader, command);
  if (required && !hasCheckoutKeyring(reader)) {
    reader.refuse('VAULT_KEYRING', KEYRING);
    return [];
  }
  return ofCheckout(reader);
}

/** Not run for an environment that is wrong elsewhere: a command may cost, and may leave a trail. */
function fromCommand(reader: EnvironmentReader, command: KeyringCommand): KeyringEntry[] {
  if (reader.problemCount > 0) return [];
  try {
    const entries = parseKeyring(runKeyringCommand(command, reader.environment));
    refuseZeros(reader, 'VAULT_KEYRING_COMMAND', entries);
    return entries;
  } catch (error) {
    const why = error instanceof KeyringCommandError ? error.message : 'what it prints is none';
    reader.refuse('VAULT_KEYRING_COMMAND', `a command that prints ${KEYRING}; ${why}`);
    return [];
  }
}

function refuseZeros(
  reader: EnvironmentReader,
  name: string,
  entries: readonly KeyringEntry[],
): void {
  if (!reader.production || !entries.some(isZero)) return;
  reader.refuse(name, `${KEYRING}, none of them all zeros`);
}

/** Whether `npm start` has made a keyring here, which its commands use as well. */
const hasCheckoutKeyring = (reader: EnvironmentReader): boolean =>
  reader.text('NODE_ENV') !== 'production' && existsSync(CHECKOUT_KEYRING);

function ofCheckout(reader: EnvironmentReader): KeyringEntry[] {
  if (reader.problemCount > 0) return [];
  try {
    return parseKeyring(developmentKeyring('.data'));
  } catch {
    reader.refuse('VAULT_KEYRING', `${KEYRING}; .data/keyring could not be read or written`);
    return [];
  }
}
