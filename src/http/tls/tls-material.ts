import { X509Certificate, createPrivateKey } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';

/** Where a listener's certificate, its key and the CA of client certificates are. */
export interface TlsPaths {
  readonly certFile: string;
  readonly keyFile: string;
  /** Undefined: no client certificate is asked for. */
  readonly clientCaFile: string | undefined;
}

/** What a listener speaks TLS with, in PEM. */
export interface TlsMaterial {
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly ca: Buffer | undefined;
}

/** The older versions have been deprecated by RFC 8996. */
export const MIN_VERSION = 'TLSv1.2';

/** A file that cannot be used: the variable that names it, and what is expected of it. */
export class TlsMaterialError extends Error {
  constructor(
    readonly variable: string,
    readonly expected: string,
  ) {
    super(`${variable}: ${expected}`);
    this.name = 'TlsMaterialError';
  }
}

/**
 * Reads what is in the files now. It may be half of a change: {@link checkMaterial} tells.
 *
 * @param prefix what the variables of the listener begin with
 * @throws TlsMaterialError for a file that can't be read
 */
export async function readMaterial(paths: TlsPaths, prefix: string): Promise<TlsMaterial> {
  const read = async (variable: string, path: string) => {
    try {
      return await readFile(path);
    } catch {
      throw new TlsMaterialError(`${prefix}${variable}`, 'a file that can be read');
    }
  };
  const [cert, key, ca] = await Promise.all([
    read('TLS_CERT_FILE', paths.certFile),
    read('TLS_KEY_FILE', paths.keyFile),
    paths.clientCaFile === undefined ? undefined : read('TLS_CLIENT_CA_FILE', paths.clientCaFile),
  ]);
  return { cert, key, ca };
}

export const isSameMaterial = (one: TlsMaterial, other: TlsMaterial): boolean =>
  one.cert.equals(other.cert) &&
  one.key.equals(other.key) &&
  (one.ca === undefined || other.ca === undefined ? one.ca === other.ca : one.ca.equals(other.ca));

/**
 * Makes sure that a listener can speak TLS with it: a key that belongs to the certificate, strong
 * enough for OpenSSL, and a CA where clients are to be told by one.
 *
 * @param prefix what the variables of the listener begin with
 * @returns when the certificate ends, in milliseconds since the epoch
 * @throws TlsMaterialError
 */
export function checkMaterial(material: TlsMaterial, prefix: string): number {
  const certificate = attempt(
    `${prefix}TLS_CERT_FILE`,
    'a certificate in PEM, its chain after it',
    () => new X509Certificate(material.cert),
  );
  const key = attempt(`${prefix}TLS_KEY_FILE`, 'a private key in PEM without a passphrase', () =>
    createPrivateKey(material.key),
  );
  if (!certificate.checkPrivateKey(key)) {
    throw new TlsMaterialError(`${prefix}TLS_KEY_FILE`, `the key of ${prefix}TLS_CERT_FILE`);
  }
  attempt(`${prefix}TLS_CERT_FILE`, 'a certificate that OpenSSL thinks strong enough', () =>
    createSecureContext({ cert: material.cert, key: material.key, minVersion: MIN_VERSION }),
  );
  const { ca } = material;
  if (ca !== undefined) {
    attempt(`${prefix}TLS_CLIENT_CA_FILE`, 'certificates of CAs in PEM', () => {
      checkAuthorities(ca);
    });
  }
  return Date.parse(certificate.validTo);
}

/** OpenSSL takes a file without any certificate for one that trusts nobody. */
function checkAuthorities(pem: Buffer): void {
  const blocks = pem
    .toString('latin1')
    .match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g);
  if (!blocks?.every((block) => new X509Certificate(block).ca)) throw new Error('no CA');
  createSecureContext({ ca: pem });
}

function attempt<T>(variable: string, expected: string, work: () => T): T {
  try {
    return work();
  } catch {
    throw new TlsMaterialError(variable, expected);
  }
}
