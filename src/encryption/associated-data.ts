import { EncryptionError } from './errors.js';

const LENGTH_BYTES = 4;

/**
 * The associated data of a message: the header, then every context part as a 4-byte big-endian byte
 * length and its UTF-8 bytes. The header tells its own length and so does each part, so two
 * different (header, context) pairs never give the same bytes: `['ab', 'c']` is not `['a', 'bc']`.
 *
 * @throws EncryptionError `invalid_input` if the context is empty (a value bound to nothing could be
 *   moved anywhere) or a part is not well-formed Unicode.
 */
export function encodeAssociatedData(header: Buffer, context: readonly string[]): Buffer {
  if (context.length === 0) {
    throw new EncryptionError('invalid_input', 'the context must have at least one part');
  }
  let length = header.length;
  for (const part of context) {
    assertWellFormed(part, 'a context part');
    length += LENGTH_BYTES + Buffer.byteLength(part, 'utf8');
  }
  const bytes = Buffer.allocUnsafe(length);
  let offset = header.copy(bytes);
  for (const part of context) {
    // The text goes first because writing it returns the length that belongs before it.
    const written = bytes.write(part, offset + LENGTH_BYTES, 'utf8');
    bytes.writeUInt32BE(written, offset);
    offset += LENGTH_BYTES + written;
  }
  return bytes;
}

/**
 * Refuses lone surrogates. UTF-8 can't hold them and Node writes U+FFFD instead, which would make
 * different contexts equal and give back a different text than was sealed.
 *
 * @throws EncryptionError `invalid_input`, naming `what` and never the text.
 */
export function assertWellFormed(text: string, what: string): void {
  if (!text.isWellFormed()) {
    throw new EncryptionError('invalid_input', `${what} is not well-formed Unicode`);
  }
}
