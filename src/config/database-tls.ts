import { readFileSync } from 'node:fs';
import type { DatabaseUrl } from './database-url.js';
import type { EnvironmentReader } from './environment-reader.js';

/** The modes of libpq ("SSL Mode Descriptions"). */
export const SSL_MODES = [
  'disable',
  'allow',
  'prefer',
  'require',
  'verify-ca',
  'verify-full',
] as const;
export type SslMode = (typeof SSL_MODES)[number];

/** How the way to the database is protected. */
export interface DatabaseTls {
  readonly mode: SslMode;
  /** PEM; undefined: the authorities that Node.js believes. */
  readonly ca: string | undefined;
  /** PEM: what the vault proves itself by, beside or instead of a password. */
  readonly cert: string | undefined;
  readonly key: string | undefined;
}

/** What the URL says of a thing, or else the variable that libpq reads for it. */
interface Said {
  readonly name: string;
  readonly label: string;
  readonly value: string | undefined;
}

/**
 * Reads the parameters about TLS with the meaning that libpq gives them. Without any, the way to
 * this machine is plain, and to another one it is `prefer`, as with libpq.
 */
export function readDatabaseTls(
  reader: EnvironmentReader,
  url: DatabaseUrl,
  isLocal: boolean,
): DatabaseTls {
  const said = (parameter: string): Said => sayingOf(reader, url, parameter);
  const root = said('sslrootcert');
  const mode = readMode(reader, url, said('sslmode'), root.value, isLocal);
  if (root.value === 'system' && mode !== 'verify-full') {
    reader.refuse(root.name, `${root.label} to be "system" with sslmode=verify-full alone`);
  }
  const ca = root.value === 'system' ? undefined : readPem(reader, root, 'CERTIFICATE');
  const cert = readPem(reader, said('sslcert'), 'CERTIFICATE');
  const key = readPem(reader, said('sslkey'), 'PRIVATE KEY');
  if ((cert === undefined) !== (key === undefined)) {
    reader.refuse('DATABASE_URL', 'sslcert and sslkey to be there both or neither');
  }
  // With a root certificate `require` means verify-ca in libpq, and so it does here.
  return { mode: mode === 'require' && ca !== undefined ? 'verify-ca' : mode, ca, cert, key };
}

function sayingOf(reader: EnvironmentReader, url: DatabaseUrl, parameter: string): Said {
  const value = url.parameters.get(parameter);
  if (value !== undefined) return { name: 'DATABASE_URL', label: parameter, value };
  const name = `PG${parameter.toUpperCase()}`;
  return { name, label: name, value: reader.text(name) };
}

function readMode(
  reader: EnvironmentReader,
  url: DatabaseUrl,
  said: Said,
  root: string | undefined,
  isLocal: boolean,
): SslMode {
  const ssl = url.parameters.get('ssl');
  if (ssl !== undefined && !['true', '1', 'false', '0'].includes(ssl)) {
    reader.refuse('DATABASE_URL', 'ssl to be true or false; better, sslmode');
  }
  // What the driver means by `ssl`, which libpq does not know.
  const bySsl = ssl === undefined ? undefined : ssl === 'true' || ssl === '1';
  const inUrl = said.name === 'DATABASE_URL';
  if (bySsl !== undefined && !inUrl) return bySsl ? 'verify-full' : 'disable';
  if (said.value === undefined) {
    if (root === 'system') return 'verify-full';
    return isLocal ? 'disable' : 'prefer';
  }
  const mode = SSL_MODES.find((each) => each === said.value);
  if (mode === undefined) reader.refuse(said.name, `${said.label} to be ${SSL_MODES.join(', ')}`);
  return mode ?? 'verify-full';
}

function readPem(reader: EnvironmentReader, said: Said, kind: string): string | undefined {
  if (said.value === undefined) return undefined;
  try {
    const text = readFileSync(said.value, 'utf8');
    if (text.includes(`${kind}-----`)) return text;
  } catch {
    // Said below, as for a file that holds something else.
  }
  reader.refuse(said.name, `${said.label} to name a PEM file that can be read (${kind})`);
  return undefined;
}
