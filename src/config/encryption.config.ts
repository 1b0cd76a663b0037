import { defineNamespace } from './namespace.js';
import type { KeyringEntry } from './parsers.js';
import { readKeyring } from './read-keyring.js';

/** What everything is sealed with. */
export interface EncryptionConfig {
  /** The first one encrypts, all decrypt. */
  readonly keyring: readonly KeyringEntry[];
}

export const encryptionConfig = defineNamespace('encryption', (reader): EncryptionConfig => ({
  keyring: readKeyring(reader, reader.production),
}));
