export { VaultClient } from './client.js';
export type { VaultClientOptions } from './client.js';
export type {
  ClientToken,
  ClientTokenOptions,
  GrantOptions,
  Token,
  TokenOptions,
} from './token.js';
export { VaultError } from './vault-error.js';
export type { VaultErrorDetails } from './vault-error.js';
