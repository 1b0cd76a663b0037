import { webcrypto } from 'node:crypto';
import * as oidc from 'openid-client';
import type { ClientKey } from '../../config/index.js';
import type { OAuthSettings } from './settings.js';

/** A way for the client to prove who it is. */
export type Credential = () => Promise<oidc.ClientAuth>;

/** Every credential of a client, newest first. */
export function credentialsOf(settings: OAuthSettings): readonly Credential[] {
  const { clientAuthentication, clientSecrets, clientKey } = settings;
  switch (clientAuthentication) {
    case 'none':
      return [() => Promise.resolve(oidc.None())];
    case 'private_key_jwt':
      return clientKey ? [signing(clientKey)] : [];
    case 'client_secret_basic':
      return clientSecrets.map((secret) => () => Promise.resolve(basic(secret)));
    case 'client_secret_post':
      return clientSecrets.map((secret) => () => Promise.resolve(oidc.ClientSecretPost(secret)));
  }
}

/**
 * HTTP Basic (RFC 6749 section 2.3.1). Our own rather than the library's, which percent-encodes
 * `-`, `_` and `.` as well: right, but servers that forget to decode then know no client whose id
 * has one. What a form leaves alone is left alone here.
 */
function basic(secret: string): oidc.ClientAuth {
  const encode = (text: string) => new URLSearchParams({ '': text }).toString().slice(1);
  return (_server, client, _body, headers) => {
    const pair = `${encode(client.client_id)}:${encode(secret)}`;
    headers.set('authorization', `Basic ${Buffer.from(pair).toString('base64')}`);
  };
}

/** Client assertions (RFC 7523 section 2.2), signed anew for each request by the library. */
function signing({ pkcs8, algorithm, id }: ClientKey): Credential {
  let made: Promise<oidc.ClientAuth> | undefined;
  return () =>
    (made ??= webcrypto.subtle
      .importKey('pkcs8', pkcs8, algorithm, false, ['sign'])
      .then((key) => oidc.PrivateKeyJwt(id === undefined ? key : { key, kid: id })));
}
