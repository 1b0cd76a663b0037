import { brotliDecompressSync, gunzipSync, inflateRawSync, inflateSync } from 'node:zlib';
import * as zlib from 'node:zlib';

/** Bytes of an answer at most, before and after its content encoding is undone. */
export const MAX_ANSWER_BYTES = 4_194_304;

/**
 * A provider's answer as it came off the wire: all that is needed to understand it, now or later.
 * The body may hold tokens, so it is never logged and only ever stored sealed.
 */
export interface ProviderAnswer {
  readonly status: number;
  readonly contentType: string | null;
  /** `Content-Encoding`, as the provider wrote it. */
  readonly contentEncoding: string | null;
  readonly body: Buffer;
}

type Decoder = (bytes: Buffer, options: { maxOutputLength: number }) => Buffer;

/** Node 22.15 and later; an answer that an older one can't undo is kept until a newer one can. */
const { zstdDecompressSync } = zlib as { zstdDecompressSync?: Decoder };

/** Content codings (RFC 9110 section 8.4.1, RFC 7932, RFC 8878). */
const DECODERS: Readonly<Record<string, Decoder | undefined>> = {
  gzip: gunzipSync,
  'x-gzip': gunzipSync,
  // Some senders leave out the zlib wrapper that the coding has by its definition.
  deflate: (bytes, options) =>
    isZlib(bytes) ? inflateSync(bytes, options) : inflateRawSync(bytes, options),
  br: brotliDecompressSync,
  zstd: zstdDecompressSync,
};

/**
 * The body of an answer with its content encodings undone, whether or not they were asked for: a
 * CDN in front of a provider compresses as it likes. A body that is not what its header says is
 * taken as it is.
 */
export function decodeBody({ contentEncoding, body }: ProviderAnswer): Buffer {
  const codings = (contentEncoding ?? '').toLowerCase().split(',');
  let bytes = body;
  for (const coding of codings.map((each) => each.trim()).reverse()) {
    bytes = undo(bytes, DECODERS[coding]);
  }
  return isGzip(bytes) ? undo(bytes, gunzipSync) : bytes;
}

/**
 * The members of an answer: of a JSON object whatever the content type says, or of a form, in which
 * some providers answer still. Nothing beside them is of use to an OAuth client.
 *
 * @returns undefined when it is neither
 */
export function membersOf(answer: ProviderAnswer): Record<string, unknown> | undefined {
  const text = decodeBody(answer)
    .toString('utf8')
    .replace(/^\uFEFF/, '')
    .trim();
  try {
    const value: unknown = JSON.parse(text);
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isObject ? { ...value } : undefined;
  } catch {
    return /^(access_token|error|scope|token_type)=[^<>{}\s]*$/.test(text)
      ? Object.fromEntries(new URLSearchParams(text))
      : undefined;
  }
}

function undo(bytes: Buffer, decoder: Decoder | undefined): Buffer {
  if (!decoder) return bytes;
  try {
    return decoder(bytes, { maxOutputLength: MAX_ANSWER_BYTES });
  } catch {
    return bytes;
  }
}

/** RFC 1950 section 2.2: method 8, and the two bytes are a multiple of 31. */
const isZlib = (bytes: Buffer): boolean =>
  bytes.length > 1 && (bytes.readUInt8(0) & 0x0f) === 8 && bytes.readUInt16BE(0) % 31 === 0;

/** RFC 1952 section 2.3.1. No JSON text begins so. */
const isGzip = (bytes: Buffer): boolean =>
  bytes.length > 2 && bytes[0] === 0x1f && bytes[1] === 0x8b && bytes[2] === 8;
