import { createSecretKey } from 'node:crypto';
import type { KeyObject } from 'node:crypto';

import { EncryptionError } from './errors.js';

/** Length of a keyring key: AES-256 and a full-strength HMAC-SHA256 key (RFC 2104 section 3). */
export const KEY_BYTES = 32;

/** The contract's alphabet for key ids: none of its characters separates entries in VAULT_KEYRING. */
const KEY_ID = /^[A-Za-z0-9._-]{1,64}$/;

/** One `id:key` of VAULT_KEYRING; `key` is 32 uniformly random bytes. */
export interface KeyringEntry {
  readonly id: string;
  readonly key: Buffer;
}

/** Whether `id` is 1–64 characters of `A-Za-z0-9._-`. */
export function isKeyId(id: string): boolean {
  return KEY_ID.test(id);
}

/**
 * The keys of the vault in order: the first one encrypts, all of them decrypt.
 *
 * Keys are held as `KeyObject`s behind a private field: printing, inspecting or serialising a
 * keyring shows its ids alone, and the caller may wipe its own buffers after construction.
 */
export class Keyring {
  /** The id of the key that encrypts. */
  readonly primaryId: string;
  /** Every id, in the order given; the first is `primaryId`. */
  readonly ids: readonly string[];

  readonly #keys: ReadonlyMap<string, KeyObject>;

  /**
   * @throws EncryptionError `invalid_keyring`: no entry, a malformed or repeated id, or a key that is
   *   not 32 bytes. The message names the position and not the id: with the two halves of an entry
   *   swapped by mistake, the "id" is the key.
   */
  constructor(entries: readonly KeyringEntry[]) {
    const keys = new Map<string, KeyObject>();
    for (const [index, { id, key }] of entries.entries()) {
      const which = `keyring entry ${index + 1}`;
      if (!isKeyId(id)) {
        throw invalid(`${which}: the id must be 1 to 64 characters of A-Za-z0-9._-`);
      }
      if (keys.has(id)) {
        throw invalid(`${which}: the id is already taken by an earlier entry`);
      }
      if (key.length !== KEY_BYTES) {
        throw invalid(`${which}: the key must be ${KEY_BYTES} bytes, not ${key.length}`);
      }
      keys.set(id, createSecretKey(key));
    }
    const [primaryId] = keys.keys();
    if (primaryId === undefined) {
      throw invalid('the keyring needs at least one key');
    }
    this.primaryId = primaryId;
    this.ids = Object.freeze([...keys.keys()]);
    this.#keys = keys;
  }

  /** Whether envelopes sealed under `id` can be opened. */
  has(id: string): boolean {
    return this.#keys.has(id);
  }

  /** A fresh copy of the 32 key bytes, or undefined for an unknown id. Wiping it harms no one. */
  key(id: string): Buffer | undefined {
    return this.#keys.get(id)?.export();
  }
}

function invalid(message: string): EncryptionError {
  return new EncryptionError('invalid_keyring', message);
}
