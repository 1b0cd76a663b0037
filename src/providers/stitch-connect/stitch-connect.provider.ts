import type { StitchConnectConfig } from '../../config/index.js';
import { ProviderError } from '../provider-error.js';
import type { ProviderHttp } from '../provider-http.js';
import type {
  AuthorizationParameters,
  CodeExchange,
  IssuedTokens,
  TokenProvider,
} from '../token-provider.js';
import { parseIssued, readJson, readJsonValue, readRefusal } from './answers.js';

/** What a new client account is made of (seed document S0, step 1). */
export interface NewAccount {
  readonly firstName: string;
  readonly lastName: string;
  readonly company: string;
  readonly email: string;
  /** `us-east-1` or `eu-central-1`. */
  readonly region: string;
}

/** Why an account was not created. */
export type AccountRefusal =
  | { readonly kind: 'existing_user' }
  /** Our partner id or secret is wrong: a fault of our configuration. */
  | { readonly kind: 'credentials' }
  | { readonly kind: 'invalid'; readonly fields: readonly string[] };

/**
 * stitchdata.com (seed documents S0 to S2): permanent tokens of client accounts. Its authorization
 * knows no state, no PKCE and no scopes, and its token endpoint takes the secret alone.
 */
export class StitchConnectProvider implements TokenProvider {
  readonly name = 'stitch-connect';
  readonly capabilities = {
    echoesState: false,
    scopes: false,
    revokes: false,
    revocation: 'token',
    prefill: true,
  } as const;
  readonly issuer = undefined;
  readonly defaultScopes = [];
  readonly requiredScopes = [];

  constructor(
    private readonly config: StitchConnectConfig,
    private readonly http: ProviderHttp,
  ) {}

  authorizationUrl({ redirectUri, prefill }: AuthorizationParameters): string {
    const url = new URL(`${this.config.appUrl}/oauth/authorization`);
    url.searchParams.set('client_id', this.config.partnerId);
    url.searchParams.set('redirect_uri', redirectUri);
    for (const [name, value] of Object.entries(prefill)) url.searchParams.set(name, value);
    return url.href;
  }

  async exchangeCode({ code }: CodeExchange): Promise<IssuedTokens> {
    const answer = await this.http.exchange(`${this.config.apiUrl}/oauth/token`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
      body: new URLSearchParams({
        client_secret: this.config.partnerSecret,
        code,
        grant_type: 'authorization_code',
      }),
    });
    const response = this.http.asResponse(answer);
    // Its error body is not documented: decided by the status (STITCH-FACTS, section 2).
    if (response.status === 401 || response.status === 403) {
      throw new ProviderError('invalid_client', `http_${String(response.status)}`);
    }
    if (!response.ok) throw new ProviderError('invalid_grant', `http_${String(response.status)}`);
    return parseIssued(await readJson(response));
  }

  refresh(): Promise<IssuedTokens> {
    return Promise.reject(new ProviderError('rejected', 'no_refresh'));
  }

  understand(): IssuedTokens {
    throw new ProviderError('rejected', 'no_refresh');
  }

  revoke(): Promise<void> {
    return Promise.reject(new ProviderError('rejected', 'no_revocation'));
  }

  endpoints(): Promise<Readonly<Record<string, string>>> {
    const { appUrl, apiUrl } = this.config;
    return Promise.resolve({ app: `${appUrl}/oauth/authorization`, api: `${apiUrl}/oauth/token` });
  }

  /** The simplest authenticated call (S1): whether the API accepts the token. */
  async verify(accessToken: string): Promise<boolean> {
    const response = await this.authenticated('GET', '/v4/sources', accessToken);
    if (response.status === 401) return false;
    if (!response.ok) throw new ProviderError('malformed', `http_${String(response.status)}`);
    // A proxy's page with status 200 says nothing about the token.
    await readJsonValue(response);
    return true;
  }

  /**
   * A token that logs a user into the web application once, within an hour (S2).
   *
   * @returns undefined when the API refuses the access token
   */
  async createSession(accessToken: string): Promise<string | undefined> {
    const response = await this.authenticated('POST', '/v3/sessions/ephemeral', accessToken);
    if (response.status === 401) return undefined;
    if (!response.ok) {
      const kind = response.status >= 400 ? 'rejected' : 'malformed';
      throw new ProviderError(kind, `http_${String(response.status)}`);
    }
    const { ephemeral_token: token } = await readJson(response);
    if (typeof token !== 'string' || !token) {
      throw new ProviderError('malformed', 'no_ephemeral_token');
    }
    return token;
  }

  /** Creates a client account. @throws ProviderError; when it leaves doubt, the account may exist */
  async createAccount(account: NewAccount): Promise<IssuedTokens | AccountRefusal> {
    const answer = await this.http.exchange(`${this.config.apiUrl}/v3/accounts`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/json' },
      body: JSON.stringify({
        partner_id: this.config.partnerId,
        partner_secret: this.config.partnerSecret,
        first_name: account.firstName,
        last_name: account.lastName,
        company: account.company,
        email: account.email,
        region: account.region,
      }),
    });
    const response = this.http.asResponse(answer);
    if (response.ok) return parseIssued(await readJson(response));
    if (response.status === 401 || response.status === 403) return { kind: 'credentials' };
    const { code, errors } = await readRefusal(response);
    if (code === 'ExistingUser') return { kind: 'existing_user' };
    if (code !== 'BadRequest') {
      throw new ProviderError('rejected', `http_${String(response.status)}`);
    }
    // Also wrong credentials are reported as a bad form (STITCH-FACTS, section 2).
    const fields = typeof errors === 'object' && errors !== null ? Object.keys(errors) : [];
    const ours = fields.filter((field) => /^partner_(id|secret)$/.test(field));
    if (fields.length === 0 || ours.length > 0) return { kind: 'credentials' };
    return { kind: 'invalid', fields };
  }

  private authenticated(method: string, path: string, accessToken: string): Promise<Response> {
    return this.http.fetch(`${this.config.apiUrl}${path}`, {
      method,
      headers: { authorization: `Bearer ${accessToken}`, accept: 'application/json' },
    });
  }
}
