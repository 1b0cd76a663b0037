import { createHmac } from 'node:crypto';
import type { KeyObject } from 'node:crypto';

import { SALT_BYTES } from './envelope.js';

/** Keeps these keys apart from any other use of a keyring key; a new format gets a new label. */
const LABEL = Buffer.from('stitch-token-vault/v1/message-key', 'ascii');

/** HKDF's block counter: 32 bytes are one block of SHA-256, so the first is the last. */
const FIRST_BLOCK = 0x01;

const COUNTER_OFFSET = LABEL.length + SALT_BYTES;

/**
 * The AES-256 key of one message: `HKDF-Expand(keyringKey, LABEL || salt, 32)`, which for one block
 * is `HMAC-SHA256(keyringKey, LABEL || salt || 0x01)` (RFC 5869 section 2.3). The extract step is
 * left out because the keyring key is uniformly random already (section 3.3).
 *
 * @param salt 16 bytes, random for every message.
 */
export function deriveMessageKey(keyringKey: KeyObject, salt: Buffer): Buffer {
  // One update of one buffer: each further update is another crossing into native code.
  const info = Buffer.allocUnsafe(COUNTER_OFFSET + 1);
  LABEL.copy(info);
  salt.copy(info, LABEL.length);
  info[COUNTER_OFFSET] = FIRST_BLOCK;
  return createHmac('sha256', keyringKey).update(info).digest();
}
