import { createPrivateKey } from 'node:crypto';
import type { ClientKey } from './oauth-provider-config.js';

const CURVES: Readonly<Record<string, string | undefined>> = {
  prime256v1: 'P-256',
  secp384r1: 'P-384',
  secp521r1: 'P-521',
};

/** What {@link parseClientKey} expects. */
export const CLIENT_KEY =
  'a PEM private key: RSA of 2048 bits or more, P-256, P-384, P-521 or Ed25519';

/** A private key in PEM. @throws for anything else */
export function parseClientKey(pem: string, id: string | undefined): ClientKey {
  const key = createPrivateKey(pem);
  const { modulusLength = 0, namedCurve = '' } = key.asymmetricKeyDetails ?? {};
  const pkcs8 = key.export({ format: 'der', type: 'pkcs8' });
  const curve = CURVES[namedCurve];
  if (key.asymmetricKeyType === 'rsa' && modulusLength >= 2048) {
    return { pkcs8, id, algorithm: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' } };
  }
  if (key.asymmetricKeyType === 'ec' && curve !== undefined) {
    return { pkcs8, id, algorithm: { name: 'ECDSA', namedCurve: curve } };
  }
  if (key.asymmetricKeyType === 'ed25519') return { pkcs8, id, algorithm: { name: 'Ed25519' } };
  throw new Error('no key that client assertions are signed with');
}
