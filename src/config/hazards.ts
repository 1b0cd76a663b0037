import { url as inspectorUrl } from 'node:inspector';
import type { EnvironmentReader } from './environment-reader.js';
import { isLoopback } from './parsers.js';
import type { KeyringEntry } from './parsers.js';

/** `sslmode`s under which the driver refuses a server whose certificate it can't verify. */
const VERIFYING = ['prefer', 'require', 'verify-ca', 'verify-full'];
/** Those of them that still do so when `uselibpqcompat` gives them libpq's meaning. */
const VERIFYING_AS_LIBPQ = ['verify-ca', 'verify-full'];

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
export function refuseUnsaidEnvironment(reader: EnvironmentReader, databaseUrl: string): void {
  if (reader.text('NODE_ENV') !== undefined || isOnThisMachine(databaseUrl)) return;
  reader.refuse('NODE_ENV', 'to be set: production, or development if this is no production');
}

/**
 * A database on another machine is reached by TLS in production, or `DATABASE_ALLOW_PLAINTEXT` says
 * that something else protects the way.
 */
export function refuseExposedDatabase(reader: EnvironmentReader, databaseUrl: string): void {
  const allowed = reader.oneOf('DATABASE_ALLOW_PLAINTEXT', 'false', ['true', 'false']) === 'true';
  if (!reader.production || allowed) return;
  if (!isOnThisMachine(databaseUrl) && !isVerified(new URL(databaseUrl))) {
    reader.refuse(
      'DATABASE_URL',
      'a URL with sslmode=verify-full, or DATABASE_ALLOW_PLAINTEXT=true if the way is protected otherwise',
    );
  }
}

/** A key that is nothing but zeros protects nothing: it is what an empty device or file gives. */
export const isZero = ({ key }: KeyringEntry): boolean => key.every((byte) => byte === 0);

/** A socket of this machine is named by a path. @param databaseUrl empty when there is none */
function isOnThisMachine(databaseUrl: string): boolean {
  if (databaseUrl === '') return true;
  const url = new URL(databaseUrl);
  const host = url.searchParams.get('host') ?? decodeURIComponent(url.hostname);
  return host === '' || host.startsWith('/') || isLoopback({ hostname: host });
}

function isVerified(url: URL): boolean {
  if (['true', '1'].includes(url.searchParams.get('ssl') ?? '')) return true;
  const mode = url.searchParams.get('sslmode') ?? '';
  const compatible = url.searchParams.get('uselibpqcompat') === 'true';
  return (compatible ? VERIFYING_AS_LIBPQ : VERIFYING).includes(mode);
}
