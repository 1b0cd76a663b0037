import { CLIENT_SCOPES, PROVIDER, USER_ID } from '../common/index.js';
import { isCertificateName } from './certificate-name.js';

export const CLIENT_NAME = /^[A-Za-z0-9._-]{1,64}$/;

/** What a new client is to be. Everything but name and scopes may be left out. */
export interface NewClient {
  readonly name: string;
  readonly scopes: readonly string[];
  /** The providers whose grants it may touch; undefined: all. */
  readonly providers?: readonly string[] | undefined;
  /** What the ids of the users begin with whose grants it may touch; undefined: all. */
  readonly userPrefixes?: readonly string[] | undefined;
  /** The `sub` of its JWTs. */
  readonly subject?: string | undefined;
  /** The URI or DNS name of its certificates. */
  readonly certificate?: string | undefined;
  /** How long it is valid; undefined: until it is revoked. */
  readonly expiresInSeconds?: number | undefined;
  /** False: it gets no API key, and proves itself by JWT or certificate alone. */
  readonly withKey?: boolean | undefined;
}

/** A problem an operator can mend: a bad name, an unknown scope, a name taken. */
export class ClientRegistryError extends Error {
  constructor(
    readonly code:
      'invalid' | 'name_taken' | 'identity_taken' | 'not_found' | 'no_key' | 'not_genuine',
    message: string,
  ) {
    super(message);
    this.name = 'ClientRegistryError';
  }
}

/** What is wrong with a client that is to be created, in a sentence; undefined when nothing is. */
export function problemOf(client: NewClient): string | undefined {
  const { name, scopes, providers, userPrefixes, subject, certificate } = client;
  if (!CLIENT_NAME.test(name)) return 'A name is 1 to 64 of A-Z a-z 0-9 . _ -';
  const known = scopes.every((scope) => CLIENT_SCOPES.some((each) => each === scope));
  if (!known || scopes.length === 0) return `Scopes are ${CLIENT_SCOPES.join(', ')}`;
  if ((providers ?? userPrefixes) !== undefined && scopes.includes('admin')) {
    return 'A client with the scope admin cannot be restricted to providers or users';
  }
  if (providers?.length === 0 || !(providers ?? []).every((each) => PROVIDER.test(each))) {
    return 'A provider is named by 1 to 64 of a-z 0-9 -';
  }
  if (userPrefixes?.length === 0 || !(userPrefixes ?? []).every((each) => USER_ID.test(each))) {
    return 'A prefix of user ids is 1 to 255 visible characters';
  }
  if (subject !== undefined && !USER_ID.test(subject)) {
    return 'A subject is 1 to 255 visible characters';
  }
  if (certificate !== undefined && !isCertificateName(certificate)) {
    return 'A certificate is named by a URI such as spiffe://… or by a DNS name without wildcards';
  }
  if (client.withKey === false && (subject ?? certificate) === undefined) {
    return 'A client without a key needs a subject or a certificate';
  }
  return undefined;
}
