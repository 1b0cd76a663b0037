import { url as inspectorUrl } from 'node:inspector';
import type { SslMode } from './database-tls.js';
import type { EnvironmentReader } from './environment-reader.js';
import type { KeyringEntry } from './parsers.js';

/** What puts every secret of a process at risk, whatever else is set right. Production only. */
export function refuseHazards(reader: EnvironmentReader): void {
  if (inspectorUrl() !== undefined) {
    reader.refuse('--inspect', 'not to be given in production: it opens the memory to anybody');
  }
  if (reader.text('NODE_TLS_REJECT_UNAUTHORIZED') === '0') {
    reader.refuse(
      'NODE_TLS_REJECT_UNAUTHORIZED',
      'not to be 0 in production: name the CA in NODE_EXTRA_CA_CERTS instead',
    );
  }
}

/**
 * A vault that works on another machine's database by the defaults of development is a mistake more
 * often than not: whoever means it says so.
 */
export function refuseUnsaidEnvironment(reader: EnvironmentReader, isLocal: boolean): void {
  if (reader.text('NODE_ENV') !== undefined || isLocal) return;
  reader.refuse('NODE_ENV', 'to be set: production, or development if this is no production');
}

/** `sslmode`s under which a server is refused whose certificate can't be verified. */
const VERIFYING: readonly SslMode[] = ['verify-ca', 'verify-full'];

/**
 * A database on another machine is reached by TLS in production, or `DATABASE_ALLOW_PLAINTEXT` says
 * that something else protects the way.
 */
export function refuseExposedDatabase(
  reader: EnvironmentReader,
  isLocal: boolean,
  mode: SslMode,
): void {
  const allowed = reader.oneOf('DATABASE_ALLOW_PLAINTEXT', 'false', ['true', 'false']) === 'true';
  if (reader.text('NODE_ENV') !== 'production' || allowed || isLocal) return;
  if (VERIFYING.includes(mode)) return;
  reader.refuse(
    'DATABASE_URL',
    'a URL with sslmode=verify-full, or DATABASE_ALLOW_PLAINTEXT=true if the way is protected otherwise',
  );
}

/** A key that is nothing but zeros protects nothing: it is what an empty device or file gives. */
export const isZero = ({ key }: KeyringEntry): boolean => key.every((byte) => byte === 0);
