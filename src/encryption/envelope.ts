/**
 * The bytes of an envelope, and nothing cryptographic:
 * `version 1 | key id length 1 | key id 1–64 ascii | salt 16 | iv 12 | ciphertext | tag 16`.
 */
import { EncryptionError } from './errors.js';
import { isKeyId } from './keyring.js';

const VERSION = 1;
/** 128 random bits: one message key for every message. */
export const SALT_BYTES = 16;
/** 96 bits, the length GCM uses as it is (NIST SP 800-38D section 5.2.1.1). */
export const IV_BYTES = 12;
/** The full 128-bit tag (NIST SP 800-38D section 5.2.1.2). */
export const TAG_BYTES = 16;

const ID_OFFSET = 2;

/** Views into one envelope: no bytes are copied. */
export interface Envelope {
  readonly keyId: string;
  /** Version, key id length, key id and salt: what is authenticated besides the context. */
  readonly header: Buffer;
  readonly salt: Buffer;
  readonly iv: Buffer;
  readonly ciphertext: Buffer;
  readonly tag: Buffer;
}

/** Everything before the salt, the same for every message sealed under one key. */
export function encodePrefix(keyId: string): Buffer {
  return Buffer.concat([Buffer.from([VERSION, keyId.length]), Buffer.from(keyId, 'latin1')]);
}

/**
 * The id of the key an envelope was sealed under, unauthenticated. Reads version and key id only, so
 * the first 66 bytes of an envelope are always enough.
 *
 * @throws EncryptionError `unknown_version` or `malformed_envelope`.
 */
export function keyIdOf(envelope: Buffer): string {
  const version = envelope[0];
  const idLength = envelope[1];
  if (version !== undefined && version !== VERSION) {
    throw new EncryptionError('unknown_version', `unknown envelope version ${version}`);
  }
  if (idLength === undefined || envelope.length < ID_OFFSET + idLength) {
    throw new EncryptionError('malformed_envelope', 'the envelope ends inside its header');
  }
  const keyId = envelope.toString('latin1', ID_OFFSET, ID_OFFSET + idLength);
  if (!isKeyId(keyId)) {
    // The id is not repeated: bytes that were never an envelope may be a token stored by mistake.
    throw new EncryptionError('malformed_envelope', 'the envelope does not hold a key id');
  }
  return keyId;
}

/**
 * Splits an envelope without checking it beyond its lengths.
 *
 * @throws EncryptionError `unknown_version` or `malformed_envelope`.
 */
export function parseEnvelope(envelope: Buffer): Envelope {
  const keyId = keyIdOf(envelope);
  const saltStart = ID_OFFSET + keyId.length;
  const ivStart = saltStart + SALT_BYTES;
  const ciphertextStart = ivStart + IV_BYTES;
  const tagStart = envelope.length - TAG_BYTES;
  if (tagStart < ciphertextStart) {
    throw new EncryptionError('malformed_envelope', 'the envelope is too short');
  }
  return {
    keyId,
    header: envelope.subarray(0, ivStart),
    salt: envelope.subarray(saltStart, ivStart),
    iv: envelope.subarray(ivStart, ciphertextStart),
    ciphertext: envelope.subarray(ciphertextStart, tagStart),
    tag: envelope.subarray(tagStart),
  };
}
