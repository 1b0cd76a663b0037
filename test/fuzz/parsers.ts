import { Readable } from 'node:stream';
import { brotliCompressSync, deflateRawSync, gzipSync } from 'node:zlib';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { parseCallbackQuery } from '../../src/authorization-requests/callback-query.js';
import { LineError, parseLine } from '../../src/cli/import/parse-line.js';
import { readLines } from '../../src/cli/import/lines.js';
import { certificateName, certificateNames } from '../../src/clients/certificate-name.js';
import { EnvironmentReader } from '../../src/config/environment-reader.js';
import { ConfigurationError } from '../../src/config/index.js';
import { parseKeyring } from '../../src/config/parsers.js';
import { readOAuthProviders } from '../../src/config/read-oauth-providers.js';
import { EncryptionError, Keyring, Sealer } from '../../src/encryption/index.js';
import { parseEnvelope } from '../../src/encryption/envelope.js';
import { decodeLine, encodeLine, sequenceOf } from '../../src/journal/record.js';
import type { ProviderAnswer } from '../../src/providers/answer.js';
import { ProviderError, UnreadableAnswerError } from '../../src/providers/provider-error.js';
import {
  mayHoldTokens,
  readTokenAnswer,
  toIssuedTokens,
} from '../../src/providers/token-answer.js';

/** A parser of something that somebody else wrote: it returns, or refuses by one of its errors. */
export interface FuzzedParser {
  readonly name: string;
  readonly property: fc.IRawProperty<[unknown]>;
}

type Refusal = abstract new (...parameters: never[]) => Error;

/** @param refusals errors that the parser promises; whatever else it throws is a finding */
function parser<T>(
  name: string,
  arbitrary: fc.Arbitrary<T>,
  parse: (input: T) => unknown,
  refusals: readonly Refusal[] = [],
): FuzzedParser {
  const property = fc.asyncProperty(arbitrary, async (input) => {
    try {
      await parse(input);
    } catch (error) {
      if (!refusals.some((refusal) => error instanceof refusal)) throw error;
    }
  });
  return { name, property: property };
}

const sealer = new Sealer(
  new Keyring(parseKeyring(`k1:${Buffer.alloc(32, 1).toString('base64')}`)),
);
const bytes = (maxLength = 300) => fc.uint8Array({ maxLength }).map((array) => Buffer.from(array));
const text = fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme' }), fc.string());
const json = fc.oneof(
  fc.jsonValue({ maxDepth: 3 }).map((value) => JSON.stringify(value)),
  text,
);

/** Changes a few bytes of something that was right: what lies just beside it is found most often. */
const damaged = (right: fc.Arbitrary<Buffer>): fc.Arbitrary<Buffer> =>
  fc
    .tuple(right, fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { maxLength: 3 }), fc.nat())
    .map(([whole, changes, cut]) => {
      const copy = Buffer.from(whole);
      for (const [at, value] of changes) if (copy.length > 0) copy[at % copy.length] = value;
      return cut % 4 === 0 ? copy.subarray(0, cut % (copy.length + 1)) : copy;
    });

const member = fc.oneof(text, fc.jsonValue({ maxDepth: 2 }), fc.constantFrom('Bearer', 3600, -1));
const tokenMembers = fc.record(
  {
    access_token: member,
    refresh_token: member,
    expires_in: member,
    scope: member,
    token_type: member,
    id_token: member,
    error: member,
  },
  { requiredKeys: [] },
);
const ENCODERS = [gzipSync, brotliCompressSync, deflateRawSync, (body: Buffer) => body];
const answer: fc.Arbitrary<ProviderAnswer> = fc.record({
  status: fc.integer({ min: 200, max: 599 }),
  contentType: fc.option(fc.oneof(text, fc.constant('application/json'))),
  contentEncoding: fc.option(fc.oneof(text, fc.constantFrom('gzip', 'br', 'deflate', 'gzip, br'))),
  body: damaged(
    fc
      .tuple(
        fc.oneof(
          tokenMembers.map((members) => JSON.stringify(members)),
          tokenMembers.map((members) =>
            new URLSearchParams(
              Object.entries(members).map(([name, value]): [string, string] => [
                name,
                typeof value === 'string' ? value : JSON.stringify(value),
              ]),
            ).toString(),
          ),
          json,
        ),
        fc.constantFrom(...ENCODERS),
      )
      .map(([body, encode]) => encode(Buffer.from(body))),
  ),
});

const sealedText = fc.string().map((clear) => sealer.seal(clear, ['fuzz']));
const journalLine = fc
  .record({ kind: text, key: text, version: fc.nat(), at: fc.nat(), payload: text })
  .map((record) => Buffer.from(encodeLine(sealer, 'writer', 7, record).trimEnd()));
const importLine = fc.record(
  Object.fromEntries(
    [
      ...['provider', 'user_id', 'connection', 'access_token', 'refresh_token', 'expires_at'],
      ...['expires_in', 'scope', 'obtained_at', 'stitch_account_id', 'unknown'],
    ].map((name) => [name, member]),
  ),
  { requiredKeys: [] },
);
const provider = fc.record(
  {
    issuer: fc.oneof(text, fc.constantFrom('https://issuer.example.com', 'http://issuer', 7)),
    token_endpoint: member,
    client_id: member,
    client_secret: member,
    client_secret_file: member,
    private_key_file: member,
    client_authentication: fc.oneof(member, fc.constantFrom('none', 'private_key_jwt')),
    scopes: fc.oneof(member, fc.array(text)),
    openid: member,
    authorization_parameters: fc.oneof(member, fc.dictionary(text, member)),
    access_token_lifetime: member,
    extra: member,
  },
  { requiredKeys: [] },
);
const providersFile = fc.oneof(
  fc
    .dictionary(fc.oneof(fc.constantFrom('idp', 'stitch-money', '__proto__'), text), provider)
    .map((providers) => JSON.stringify({ providers })),
  json,
);

function readProvidersFile(content: string): void {
  const directory = mkdtempSync(join(tmpdir(), 'stitch-vault-fuzz-'));
  try {
    const file = join(directory, 'providers.json');
    writeFileSync(file, content);
    const reader = new EnvironmentReader({ OAUTH_PROVIDERS_FILE: file });
    readOAuthProviders(reader);
    reader.finish();
  } finally {
    rmSync(directory, { recursive: true });
  }
}

async function importFile(content: Buffer): Promise<void> {
  for await (const line of readLines(Readable.from([content]), { offset: 0, line: 0 })) {
    if (line.bytes === undefined) continue;
    try {
      parseLine(line.bytes, Date.now());
    } catch (error) {
      if (!(error instanceof LineError)) throw error;
    }
  }
}

const SAN = fc
  .array(fc.tuple(fc.constantFrom('DNS', 'URI', 'email', 'IP Address', 'DirName'), text))
  .map((names) => names.map(([kind, value]) => `${kind}:${value}`).join(', '));

/** Every parser of what a provider, a disk, a caller's certificate, an operator's file may hold. */
export const PARSERS: readonly FuzzedParser[] = [
  parser(
    "a provider's token answer",
    answer,
    (given) => {
      mayHoldTokens(given);
      const { expiresIn } = toIssuedTokens(readTokenAnswer(given), 3600, null);
      if (!(expiresIn !== null && expiresIn >= 1)) throw new Error('no usable lifetime');
    },
    [ProviderError, UnreadableAnswerError],
  ),
  parser('an envelope', fc.oneof(bytes(), damaged(sealedText)), parseEnvelope, [EncryptionError]),
  parser(
    'a sealed value',
    fc.oneof(bytes(), damaged(sealedText)),
    (given) => sealer.open(given, ['fuzz']),
    [EncryptionError],
  ),
  parser(
    'a journal record',
    fc.oneof(damaged(journalLine), bytes()),
    (given) => {
      sequenceOf(given.toString('latin1'));
      decodeLine(sealer, 'writer', given.toString('latin1'));
    },
    [EncryptionError, SyntaxError],
  ),
  parser("a certificate's names", fc.oneof(SAN, text), (given) => {
    for (const name of certificateNames(given)) {
      if (!/^(URI|DNS):/.test(name)) throw new Error('a name of no kind');
    }
    certificateName(given);
  }),
  parser(
    'lines of an import',
    fc.oneof(
      bytes(),
      fc
        .array(fc.oneof(importLine, fc.jsonValue()))
        .map((lines) => Buffer.from(lines.map((line) => JSON.stringify(line)).join('\n'))),
      damaged(importLine.map((line) => Buffer.from(JSON.stringify(line)))),
    ),
    importFile,
  ),
  parser('the providers file', providersFile, readProvidersFile, [ConfigurationError]),
  parser("a callback's query", fc.oneof(text, fc.webQueryParameters()), parseCallbackQuery),
];
