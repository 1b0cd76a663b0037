import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SignJWT, exportJWK, generateKeyPair } from 'jose';
import type { CryptoKey, JWK, JWTHeaderParameters, JWTPayload } from 'jose';

/** A key of an issuer: what signs, and what is published of it. */
export interface IssuerKey {
  readonly privateKey: CryptoKey;
  readonly jwk: JWK;
}

/** An issuer of JWTs over HTTP: metadata and key set, both countable and to be taken away. */
export interface TestIssuer {
  readonly url: string;
  readonly audience: string;
  /** What its key set holds. */
  keys: JWK[];
  /** What `issuer` of its metadata says. */
  named: string;
  /** While true every answer is a 503. */
  down: boolean;
  /** How often the key set was asked for, in vain as well. */
  fetches: number;
  /** A token, right in everything that is not given otherwise; undefined leaves a claim out. */
  token(
    key: IssuerKey,
    claims?: JWTPayload & Record<string, unknown>,
    header?: Partial<JWTHeaderParameters>,
  ): Promise<string>;
  close(): Promise<void>;
}

export async function newIssuerKey(kid: string | undefined, alg = 'ES256'): Promise<IssuerKey> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  return { privateKey, jwk: { ...(await exportJWK(publicKey)), alg, use: 'sig', kid } };
}

export async function startIssuer(keys: JWK[], path = '/realm'): Promise<TestIssuer> {
  const server = createServer((request, response) => {
    const documents: Record<string, () => object> = {
      [`${path}/.well-known/openid-configuration`]: () => ({
        issuer: issuer.named,
        jwks_uri: `${issuer.url}/keys`,
      }),
      [`${path}/keys`]: () => ({ keys: issuer.keys }),
    };
    if (request.url === `${path}/keys`) issuer.fetches += 1;
    const document = documents[request.url ?? ''];
    const status = issuer.down ? 503 : document ? 200 : 404;
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(status === 200 ? JSON.stringify(document?.()) : '{}');
  });
  server.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const url = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}${path}`;
  const issuer: TestIssuer = {
    url,
    audience: 'stitch-token-vault',
    keys,
    named: url,
    down: false,
    fetches: 0,
    token: (key, claims = {}, header = {}) => {
      const now = Math.floor(Date.now() / 1000);
      const rest = { iss: url, aud: issuer.audience, iat: now, exp: now + 600, ...claims };
      return new SignJWT(rest)
        .setProtectedHeader({ alg: key.jwk.alg ?? 'ES256', kid: key.jwk.kid, ...header })
        .sign(key.privateKey);
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return issuer;
}
