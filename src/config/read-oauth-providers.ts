import type { EnvironmentReader } from './environment-reader.js';
import { MemberReader } from './member-reader.js';
import { isObject, readNamedEntries } from './named-entries.js';
import { CLIENT_AUTHENTICATIONS, REVOCATION_REACHES } from './oauth-provider-config.js';
import type { OAuthProviderConfig } from './oauth-provider-config.js';

const FILE = 'OAUTH_PROVIDERS_FILE';
const BUILT_IN = new Set(['stitch-money', 'stitch-connect']);
const MEMBERS = [
  ...['issuer', 'authorization_endpoint', 'token_endpoint', 'revocation_endpoint', 'jwks_uri'],
  ...['client_id', 'client_secret', 'client_secret_file', 'private_key_file', 'private_key_id'],
  ...['client_authentication', 'scopes', 'openid', 'authorization_parameters'],
  ...['access_token_lifetime', 'refresh_token_idle_lifetime', 'client_secret_expires_at'],
  'revocation',
];
/** Parameters of the protocol itself: the vault sets them (RFC 6749, RFC 7636, OpenID Connect). */
const PROTOCOL = new Set([
  ...['response_type', 'response_mode', 'client_id', 'client_secret', 'redirect_uri', 'scope'],
  ...['state', 'nonce', 'code_challenge', 'code_challenge_method', 'code_verifier', 'code'],
  ...['grant_type', 'request', 'request_uri', 'client_assertion', 'client_assertion_type'],
]);

/** The providers of the file, if there is one; every problem is noted, by provider and member. */
export function readOAuthProviders(reader: EnvironmentReader): readonly OAuthProviderConfig[] {
  return readNamedEntries(reader, FILE, 'providers', 'providers').flatMap(([name, entry]) => {
    const label = `${FILE} ${name}`;
    if (BUILT_IN.has(name)) reader.refuse(label, 'another name: this provider is built in');
    else if (!isObject(entry)) reader.refuse(label, 'an object');
    else {
      const provider = readProvider(name, new MemberReader(reader, label, entry));
      // Without an issuer nothing can be asked of it, not even by `doctor`; the problem is noted.
      if (provider.issuer !== '') return [provider];
    }
    return [];
  });
}

function readProvider(name: string, members: MemberReader): OAuthProviderConfig {
  members.refuseOthers(MEMBERS);
  const clientAuthentication = members.oneOf(
    'client_authentication',
    'client_secret_basic',
    CLIENT_AUTHENTICATIONS,
  );
  const withSecret = clientAuthentication.startsWith('client_secret_');
  const clientSecrets = members.secrets(withSecret);
  const clientKey = members.key(clientAuthentication === 'private_key_jwt');
  const scopes = members.scopes();
  return {
    name,
    issuer: members.issuer(),
    authorizationEndpoint: members.endpoint('authorization_endpoint'),
    tokenEndpoint: members.endpoint('token_endpoint'),
    revocationEndpoint: members.endpoint('revocation_endpoint'),
    jwksUri: members.endpoint('jwks_uri'),
    clientId: members.text('client_id'),
    clientAuthentication,
    clientSecrets,
    clientKey,
    clientSecretExpiresAt: members.time('client_secret_expires_at'),
    scopes,
    openid: members.flag('openid', scopes.includes('openid')),
    authorizationParameters: members.parameters('authorization_parameters', PROTOCOL),
    accessTokenLifetime: members.lifetime('access_token_lifetime', 3600),
    refreshTokenIdleSeconds: members.lifetime('refresh_token_idle_lifetime', null),
    revocation: members.oneOf('revocation', 'token', REVOCATION_REACHES),
  };
}
