/**
 * Stable reasons, safe to log, count and switch on:
 * - `unknown_version`: the first byte names a format this build does not know;
 * - `unknown_key`: the envelope names a key that is not in the keyring;
 * - `malformed_envelope`: too short, or its key id is not one;
 * - `authentication_failed`: altered, moved to another context, or sealed by another key of that id;
 * - `invalid_keyring`: refused by the `Keyring` constructor or by `generateKey`;
 * - `invalid_input`: `seal` or `open` was given something that can't be bound or restored exactly.
 */
export type EncryptionErrorCode =
  | 'unknown_version'
  | 'unknown_key'
  | 'malformed_envelope'
  | 'authentication_failed'
  | 'invalid_keyring'
  | 'invalid_input';

/**
 * The only error this directory throws. Its message holds at most a version number, a length or a
 * key id read from an envelope (which is stored in the clear anyway): never plaintext, context or
 * key bytes.
 */
export class EncryptionError extends Error {
  override readonly name = 'EncryptionError';

  constructor(
    readonly code: EncryptionErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** Whether a value can't be opened for want of its key, which another replica may have. */
export const isUnknownKey = (error: unknown): boolean =>
  error instanceof EncryptionError && error.code === 'unknown_key';
