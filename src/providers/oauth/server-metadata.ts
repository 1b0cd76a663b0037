import type { ServerMetadata as OpenIdMetadata } from 'openid-client';
import { membersOf } from '../answer.js';
import { ProviderError } from '../provider-error.js';
import type { ProviderHttp } from '../provider-http.js';
import type { OAuthSettings } from './settings.js';

/** Milliseconds until metadata that could not be had is asked for again. */
const PAUSE_MS = 1000;
/** Milliseconds that metadata is kept. When it can't be had anew, the old one stays. */
const KEPT_MS = 86_400_000;

/** Signature algorithms of an id_token that are believed: asymmetric ones, no HMAC and not `none`. */
const ASYMMETRIC = /^((RS|PS|ES)(256|384|512)|EdDSA|Ed25519|ML-DSA-(44|65|87))$/;
const EVERY_ALGORITHM = [
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512'],
  ...['EdDSA', 'Ed25519', 'ML-DSA-44', 'ML-DSA-65', 'ML-DSA-87'],
];

type Document = Readonly<Record<string, unknown>>;

/** Where a provider's endpoints are: as configured, and from its metadata otherwise. */
export class ServerMetadata {
  private document: Document | undefined;
  private askedAt = -Infinity;
  private asking: Promise<void> | undefined;
  private failure: ProviderError | undefined;

  constructor(
    private readonly settings: OAuthSettings,
    private readonly http: ProviderHttp,
  ) {}

  /** Undefined while it is not known. */
  get revokes(): boolean | undefined {
    if (this.settings.revocationEndpoint !== undefined) return true;
    if (!this.settings.discovers) return false;
    return this.document && 'revocation_endpoint' in this.document;
  }

  /**
   * Everything that is known of the server.
   *
   * @param complete whether to ask for metadata although the endpoints that a token needs are given
   * @throws ProviderError while metadata that is needed can't be had, or is another issuer's
   */
  async get(complete = false): Promise<OpenIdMetadata> {
    const { settings } = this;
    const given = settings.authorizationEndpoint && settings.tokenEndpoint;
    const enough = given && (!settings.openid || settings.jwksUri);
    if (settings.discovers && (complete || !enough)) await this.discover(Boolean(given));
    const document = this.document ?? {};
    const at = (name: string, configured: string | undefined) =>
      configured ?? (typeof document[name] === 'string' ? document[name] : undefined);
    const named: unknown = document.id_token_signing_alg_values_supported;
    const algorithms = Array.isArray(named)
      ? named.filter((each): each is string => typeof each === 'string' && ASYMMETRIC.test(each))
      : EVERY_ALGORITHM;
    return {
      issuer: settings.issuer,
      authorization_endpoint: at('authorization_endpoint', settings.authorizationEndpoint),
      token_endpoint: at('token_endpoint', settings.tokenEndpoint),
      revocation_endpoint: at('revocation_endpoint', settings.revocationEndpoint),
      jwks_uri: at('jwks_uri', settings.jwksUri),
      id_token_signing_alg_values_supported: algorithms,
      authorization_response_iss_parameter_supported:
        document.authorization_response_iss_parameter_supported === true,
      require_pushed_authorization_requests:
        document.require_pushed_authorization_requests === true,
    };
  }

  private async discover(optional: boolean): Promise<void> {
    const age = performance.now() - this.askedAt;
    if (this.document && age < KEPT_MS) return;
    if (this.failure && age < PAUSE_MS) throw this.failure;
    this.asking ??= this.ask(optional).finally(() => {
      this.askedAt = performance.now();
      this.asking = undefined;
    });
    try {
      await this.asking;
      this.failure = undefined;
    } catch (error) {
      if (this.document) return;
      // Whatever it was: no code and no token was sent.
      this.failure = toNotSent(error);
      throw this.failure;
    }
  }

  /** Asks at both places where metadata is found (OpenID Discovery section 4, RFC 8414 section 3). */
  private async ask(optional: boolean): Promise<void> {
    const { issuer } = this.settings;
    const base = new URL(issuer);
    const path = base.pathname.replace(/\/+$/, '');
    const places = [
      `${base.origin}${path}/.well-known/openid-configuration`,
      `${base.origin}/.well-known/oauth-authorization-server${path}`,
    ];
    if (!this.settings.openid) places.reverse();
    for (const place of places) {
      const answer = await this.http.send(place, { headers: { accept: 'application/json' } });
      const document = answer.status === 200 ? membersOf(answer) : undefined;
      if (!document) continue;
      // RFC 8414 section 3.3: metadata of another issuer must not be used.
      if (document.issuer !== issuer)
        throw new ProviderError('unreachable', 'metadata_issuer_mismatch');
      assertSecure(document);
      this.document = document;
      return;
    }
    // A plain OAuth server need not have any, where the configuration says all that is needed.
    if (!optional) throw new ProviderError('unreachable', 'no_metadata');
    this.document = {};
  }
}

/** The same trouble, met before the request that it was for was sent. */
export function toNotSent(error: unknown): ProviderError {
  if (!(error instanceof ProviderError)) throw error;
  return new ProviderError('unreachable', error.reason, error.retryAfter);
}

/** Metadata may send us to https only, or to the machine that we are on. @throws ProviderError */
function assertSecure(document: Document): void {
  for (const name of [
    'authorization_endpoint',
    'token_endpoint',
    'revocation_endpoint',
    'jwks_uri',
  ]) {
    const value = document[name];
    if (value === undefined) continue;
    const url = typeof value === 'string' && URL.canParse(value) ? new URL(value) : undefined;
    const local = url?.protocol === 'http:' && /^(localhost|127\.|\[::1\]$)/.test(url.hostname);
    if (url?.protocol !== 'https:' && !local) {
      throw new ProviderError('unreachable', 'metadata_endpoint_insecure');
    }
  }
}
