import { ProviderError } from '../../../src/providers/index.js';
import type {
  AuthorizationParameters,
  CodeExchange,
  IssuedTokens,
  ProviderFactory,
  ProviderHttp,
  TokenProvider,
} from '../../../src/providers/index.js';

/** Where "Acme Ledger" is and who we are to it. */
export interface AcmeConfig {
  readonly url: string;
  readonly clientId: string;
  readonly clientSecret: string;
}

/**
 * The example of docs/providers.md: plain OAuth 2.0 (RFC 6749) with PKCE, no OpenID Connect, the
 * client in an `Authorization: Basic` header, tokens that rotate, and no way to revoke them.
 */
export class AcmeProvider implements TokenProvider {
  readonly name = 'acme-ledger';
  readonly capabilities = {
    echoesState: true,
    scopes: true,
    revokes: false,
    prefill: false,
  };
  readonly issuer = undefined;
  readonly defaultScopes = ['ledger:read'];
  readonly requiredScopes = [];

  constructor(
    private readonly config: AcmeConfig,
    private readonly http: ProviderHttp,
  ) {}

  authorizationUrl(parameters: AuthorizationParameters): string {
    const url = new URL(`${this.config.url}/authorize`);
    url.search = new URLSearchParams({
      response_type: 'code',
      client_id: this.config.clientId,
      redirect_uri: parameters.redirectUri,
      scope: parameters.scopes.join(' '),
      state: parameters.state,
      code_challenge: parameters.codeChallenge,
      code_challenge_method: 'S256',
    }).toString();
    return url.href;
  }

  exchangeCode({ code, codeVerifier, redirectUri }: CodeExchange): Promise<IssuedTokens> {
    return this.token({
      grant_type: 'authorization_code',
      ...{ code, code_verifier: codeVerifier, redirect_uri: redirectUri },
    });
  }

  refresh(refreshToken: string): Promise<IssuedTokens> {
    return this.token({ grant_type: 'refresh_token', refresh_token: refreshToken });
  }

  revoke(): Promise<void> {
    return Promise.reject(new ProviderError('rejected', 'no_revocation'));
  }

  private async token(form: Record<string, string>): Promise<IssuedTokens> {
    const { url, clientId, clientSecret } = this.config;
    const basic = Buffer.from(`${clientId}:${clientSecret}`).toString('base64');
    const response = await this.http.fetch(`${url}/token`, {
      method: 'POST',
      headers: {
        authorization: `Basic ${basic}`,
        'content-type': 'application/x-www-form-urlencoded',
      },
      body: new URLSearchParams(form),
    });
    if (response.status === 401) throw new ProviderError('invalid_client', 'http_401');
    const answer = (await response.json()) as Record<string, unknown>;
    if (answer.error === 'invalid_grant') throw new ProviderError('invalid_grant', answer.error);
    if (!response.ok) throw new ProviderError('rejected', `http_${response.status}`);
    const { access_token: accessToken, refresh_token: refreshToken, expires_in: life } = answer;
    if (typeof accessToken !== 'string') throw new ProviderError('malformed', 'no_access_token');
    return {
      accessToken,
      refreshToken: typeof refreshToken === 'string' ? refreshToken : null,
      tokenType: 'Bearer',
      scopes: typeof answer.scope === 'string' ? answer.scope.split(' ') : null,
      expiresIn: typeof life === 'number' ? life : null,
      subject: null,
      accountId: null,
    };
  }
}

/** The line that would stand in the table of `src/providers/provider-table.ts`. */
export const acmeProvider =
  (config: AcmeConfig | undefined): ProviderFactory =>
  (_, http) =>
    config && new AcmeProvider(config, http());
