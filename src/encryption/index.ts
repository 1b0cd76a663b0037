export { EncryptionError, isUnknownKey } from './errors.js';
export type { EncryptionErrorCode } from './errors.js';
export { EncryptionModule } from './encryption.module.js';
export { generateKey } from './generate-key.js';
export { Keyring } from './keyring.js';
export type { KeyringEntry } from './keyring.js';
export { keyIdOf } from './envelope.js';
export { Sealer } from './sealer.js';
