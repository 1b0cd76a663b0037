import { randomBytes } from 'node:crypto';

import { EncryptionError } from './errors.js';
import { isKeyId, KEY_BYTES } from './keyring.js';

/** Enough to tell apart keys made on one day; a collision is refused by `Keyring`, not silent. */
const ID_SUFFIX_BYTES = 3;

/**
 * A new entry for VAULT_KEYRING: `id:base64(32 random bytes)`.
 *
 * @param id defaults to `k`, the UTC date and a short random part, e.g. `k20250131-9f03ac`, so that
 *   the age of a key can be read off a row.
 * @param now the date used for the default id.
 * @throws EncryptionError `invalid_keyring` if `id` is not 1–64 characters of `A-Za-z0-9._-`.
 */
export function generateKey(id?: string, now: Date = new Date()): string {
  const keyId = id ?? defaultKeyId(now);
  if (!isKeyId(keyId)) {
    throw new EncryptionError(
      'invalid_keyring',
      'a key id must be 1 to 64 characters of A-Za-z0-9._-',
    );
  }
  return `${keyId}:${randomBytes(KEY_BYTES).toString('base64')}`;
}

function defaultKeyId(now: Date): string {
  const day = now.toISOString().slice(0, 10).replaceAll('-', '');
  return `k${day}-${randomBytes(ID_SUFFIX_BYTES).toString('hex')}`;
}
