import { acceptIf } from './environment-reader.js';
import type { EnvironmentReader } from './environment-reader.js';
import { CLIENT_KEY, parseClientKey } from './client-key.js';
import {
  ENDPOINT_URL,
  SERVICE_URL,
  TIME,
  parseEndpointUrl,
  parseScopes,
  parseServiceUrl,
  parseTime,
} from './parsers.js';
import { readSecret, readSecrets } from './secrets.js';
import type { ClientKey } from './oauth-provider-config.js';

/** stitch.money: an OpenID provider whose tokens rotate. */
export interface StitchMoneyConfig {
  readonly issuer: string;
  readonly authorizationEndpoint: string;
  readonly tokenEndpoint: string;
  readonly revocationEndpoint: string;
  /** Unset: the id_token's signature is not checked beyond TLS. */
  readonly jwksUri: string | undefined;
  readonly clientId: string;
  /** Newest first; the others are tried when the provider refuses it. */
  readonly clientSecrets: readonly string[];
  /** Instead of a secret: signs client assertions. */
  readonly clientKey: ClientKey | undefined;
  /** Milliseconds since the epoch; undefined: nobody said. */
  readonly clientSecretExpiresAt: number | undefined;
  readonly scopes: readonly string[];
}

/** stitchdata.com: permanent tokens of client accounts. */
export interface StitchConnectConfig {
  readonly apiUrl: string;
  readonly appUrl: string;
  readonly partnerId: string;
  readonly partnerSecret: string;
}

/** stitch.money, if it is turned on. */
export function readStitchMoney(reader: EnvironmentReader): StitchMoneyConfig | undefined {
  const issuer = reader.parse(
    'STITCH_MONEY_ISSUER',
    SERVICE_URL,
    'https://secure.stitch.money',
    // The issuer is compared letter by letter with the id_token's (OpenID Connect Core 3.1.3.7).
    (text) => (parseServiceUrl(text), text),
  );
  const endpoint = (name: string, path: string) =>
    reader.parse(
      `STITCH_MONEY_${name}`,
      ENDPOINT_URL,
      `${issuer.replace(/\/+$/, '')}/connect/${path}`,
      parseEndpointUrl,
    );
  const authorizationEndpoint = endpoint('AUTHORIZATION_ENDPOINT', 'authorize');
  const tokenEndpoint = endpoint('TOKEN_ENDPOINT', 'token');
  const revocationEndpoint = endpoint('REVOCATION_ENDPOINT', 'revocation');
  const jwksUri = reader.parse<string | undefined>(
    'STITCH_MONEY_JWKS_URI',
    ENDPOINT_URL,
    undefined,
    parseEndpointUrl,
  );
  const scopes = reader.parse(
    'STITCH_MONEY_SCOPES',
    'scopes separated by spaces, openid among them',
    ['openid', 'accounts', 'balances', 'transactions', 'offline_access'],
    (text) => {
      const parsed = parseScopes(text);
      return acceptIf(parsed, parsed.includes('openid'));
    },
  );
  const clientSecretExpiresAt = reader.parse<number | undefined>(
    'STITCH_MONEY_CLIENT_SECRET_EXPIRES_AT',
    TIME,
    undefined,
    (text) => {
      const time = parseTime(text);
      return acceptIf(time, time !== undefined);
    },
  );
  const client = readStitchMoneyClient(reader);
  if (!client) return undefined;
  return {
    issuer,
    authorizationEndpoint,
    tokenEndpoint,
    revocationEndpoint,
    jwksUri,
    ...client,
    clientSecretExpiresAt,
    scopes,
  };
}

type StitchMoneyClient = Pick<StitchMoneyConfig, 'clientId' | 'clientSecrets' | 'clientKey'>;

/** Who we are to stitch.money: an id with a secret, or with a key instead. */
function readStitchMoneyClient(reader: EnvironmentReader): StitchMoneyClient | undefined {
  const keyId = reader.text('STITCH_MONEY_PRIVATE_KEY_ID');
  const clientKey = reader.parse<ClientKey | undefined>(
    'STITCH_MONEY_PRIVATE_KEY',
    CLIENT_KEY,
    undefined,
    (text) => parseClientKey(text, keyId),
  );
  if (reader.has('STITCH_MONEY_PRIVATE_KEY')) {
    if (reader.has('STITCH_MONEY_CLIENT_SECRET')) {
      reader.refuse(
        'STITCH_MONEY_PRIVATE_KEY_FILE',
        'either a key or STITCH_MONEY_CLIENT_SECRET, not both',
      );
    }
    const clientId = reader.text('STITCH_MONEY_CLIENT_ID');
    if (!clientId) {
      reader.refuse('STITCH_MONEY_CLIENT_ID', 'to be set, as STITCH_MONEY_PRIVATE_KEY_FILE is');
    }
    return clientId && clientKey ? { clientId, clientSecrets: [], clientKey } : undefined;
  }
  const [clientId, secret] = reader.pair('STITCH_MONEY_CLIENT_ID', 'STITCH_MONEY_CLIENT_SECRET');
  if (!clientId || !secret) return undefined;
  const clientSecrets = readSecrets(reader, 'STITCH_MONEY_CLIENT_SECRET');
  return { clientId, clientSecrets, clientKey: undefined };
}

/** stitchdata.com, if it is turned on. */
export function readStitchConnect(reader: EnvironmentReader): StitchConnectConfig | undefined {
  const url = (name: string, fallback: string) =>
    reader.parse(name, SERVICE_URL, fallback, parseServiceUrl);
  const apiUrl = url('STITCH_CONNECT_API_URL', 'https://api.stitchdata.com');
  const appUrl = url('STITCH_CONNECT_APP_URL', 'https://app.stitchdata.com');
  const [partnerId, given] = reader.pair(
    'STITCH_CONNECT_PARTNER_ID',
    'STITCH_CONNECT_PARTNER_SECRET',
  );
  if (!partnerId || !given) return undefined;
  const partnerSecret = readSecret(reader, 'STITCH_CONNECT_PARTNER_SECRET');
  return partnerSecret ? { apiUrl, appUrl, partnerId, partnerSecret } : undefined;
}
