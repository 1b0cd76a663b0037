import { createCipheriv, createDecipheriv, createSecretKey, randomBytes } from 'node:crypto';
import type { KeyObject } from 'node:crypto';

import { assertWellFormed, encodeAssociatedData } from './associated-data.js';
import { encodePrefix, IV_BYTES, parseEnvelope, SALT_BYTES, TAG_BYTES } from './envelope.js';
import { EncryptionError } from './errors.js';
import type { Keyring } from './keyring.js';
import { deriveMessageKey } from './message-key.js';
import { compareSalt, saltFor } from './terms.js';
import type { TermsComparison } from './terms.js';

const CIPHER = 'aes-256-gcm';
/** Given explicitly so that a shorter tag is refused by the cipher as well. */
const CIPHER_OPTIONS = { authTagLength: TAG_BYTES };

/** A source of `size` bytes that must be unpredictable and never repeat. */
export type RandomBytes = (size: number) => Buffer;

/**
 * Seals texts into envelopes and opens them. The format and its reasons are in this directory's
 * README. Safe to share: it keeps no state between calls.
 */
export class Sealer {
  /** Called whenever a value can't be opened that may be sealed under another keyring. */
  onUnreadable: () => void = () => undefined;

  readonly #keys: ReadonlyMap<string, KeyObject>;
  readonly #primaryKey: KeyObject;
  readonly #primaryPrefix: Buffer;
  readonly #randomBytes: RandomBytes;

  /**
   * @param random where salts and IVs come from: the operating system's generator, unless
   *   known-answer vectors are being reproduced.
   */
  constructor(keyring: Keyring, random: RandomBytes = randomBytes) {
    // Imported once here: a raw key would be imported anew for every message.
    this.#keys = new Map(keyring.ids.map((id) => [id, importKey(keyring, id)]));
    this.#primaryKey = importKey(keyring, keyring.primaryId);
    this.#primaryPrefix = encodePrefix(keyring.primaryId);
    this.#randomBytes = random;
  }

  /**
   * Encrypts `plaintext` under the primary key and binds it to `context`.
   *
   * @param context where the value lives, e.g. `['stitch_grants', 'access_token', provider, userId,
   *   connection]`. It is authenticated and not stored: `open` must be given the same parts in the
   *   same order.
   * @param terms what else decides over the value, such as the columns beside it. `open` does not need
   *   them; {@link compareTerms} says whether they are still the same.
   * @returns the envelope: 46 bytes, the key id and the UTF-8 length of `plaintext` long.
   * @throws EncryptionError `invalid_input`: empty context, or text that is not well-formed Unicode.
   */
  seal(plaintext: string, context: readonly string[], terms?: readonly string[]): Buffer {
    assertWellFormed(plaintext, 'the plaintext');
    // Salt and IV from one draw, in the order in which they are stored.
    const random = this.#randomBytes(SALT_BYTES + IV_BYTES);
    const iv = random.subarray(SALT_BYTES);
    if (terms) saltFor(this.#primaryKey, iv, context, terms).copy(random);
    const salt = random.subarray(0, SALT_BYTES);
    const head = Buffer.concat([this.#primaryPrefix, random]);
    const header = head.subarray(0, -IV_BYTES);
    const associatedData = encodeAssociatedData(header, context);
    const messageKey = deriveMessageKey(this.#primaryKey, salt);
    const cipher = createCipheriv(CIPHER, messageKey, iv, CIPHER_OPTIONS);
    cipher.setAAD(associatedData);
    // The string goes in as it is: Buffer.from would leave the token in Node's shared buffer pool.
    const ciphertext = cipher.update(plaintext, 'utf8');
    cipher.final(); // GCM is a stream: nothing is left to write, but the tag exists from here on.
    return Buffer.concat([head, ciphertext, cipher.getAuthTag()]);
  }

  /**
   * Decrypts what `seal` made for the same `context`, under whichever key the envelope names. Nothing
   * is returned before the tag is verified.
   *
   * @throws EncryptionError `unknown_version`, `malformed_envelope`, `unknown_key`,
   *   `authentication_failed`; `invalid_input` for a context `seal` would have refused too.
   */
  open(envelope: Buffer, context: readonly string[]): string {
    try {
      return this.#open(envelope, context);
    } catch (error) {
      const code = error instanceof EncryptionError ? error.code : undefined;
      if (code === 'unknown_key' || code === 'authentication_failed') this.onUnreadable();
      throw error;
    }
  }

  /**
   * Whether an envelope was sealed for these terms. That nobody has altered the envelope itself is for
   * {@link open} to say.
   *
   * @throws EncryptionError as {@link open}, but for `authentication_failed`
   */
  compareTerms(
    envelope: Buffer,
    context: readonly string[],
    terms: readonly string[],
  ): TermsComparison {
    const { keyId, salt, iv } = parseEnvelope(envelope);
    return compareSalt(salt, this.#keyOf(keyId), iv, context, terms);
  }

  #keyOf(keyId: string): KeyObject {
    const key = this.#keys.get(keyId);
    if (key === undefined) {
      throw new EncryptionError('unknown_key', `the keyring has no key "${keyId}"`);
    }
    return key;
  }

  #open(envelope: Buffer, context: readonly string[]): string {
    const { keyId, header, salt, iv, ciphertext, tag } = parseEnvelope(envelope);
    const key = this.#keyOf(keyId);
    const associatedData = encodeAssociatedData(header, context);
    const messageKey = deriveMessageKey(key, salt);
    const decipher = createDecipheriv(CIPHER, messageKey, iv, CIPHER_OPTIONS);
    decipher.setAAD(associatedData);
    decipher.setAuthTag(tag);
    const plaintext = decipher.update(ciphertext);
    try {
      decipher.final();
    } catch (cause) {
      throw new EncryptionError(
        'authentication_failed',
        'the envelope was altered, or was sealed for another context or by another key of that id',
        { cause },
      );
    }
    return plaintext.toString('utf8');
  }
}

function importKey(keyring: Keyring, id: string): KeyObject {
  const key = keyring.key(id);
  if (key === undefined) {
    throw new EncryptionError('unknown_key', `the keyring has no key "${id}"`);
  }
  const imported = createSecretKey(key);
  key.fill(0);
  return imported;
}
