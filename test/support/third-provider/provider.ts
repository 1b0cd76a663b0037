import {
  ProviderError,
  mayHoldTokens,
  readTokenAnswer,
  toIssuedTokens,
} from '../../../src/providers/index.js';
import type {
  AuthorizationParameters,
  CodeExchange,
  IssuedTokens,
  KeepAnswer,
  ProviderAnswer,
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
class AcmeProvider implements TokenProvider {
  readonly name = 'acme-ledger';
  readonly capabilities = {
    echoesState: true,
    scopes: true,
    revokes: false,
    revocation: 'token',
    prefill: false,
  } as const;
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

  refresh(refreshToken: string, keep?: KeepAnswer): Promise<IssuedTokens> {
    return this.token({ grant_type: 'refresh_token', refresh_token: refreshToken }, keep);
  }

  understand(answer: ProviderAnswer): IssuedTokens {
    return toIssuedTokens(readTokenAnswer(answer), null, null);
  }

  revoke(): Promise<void> {
    return Promise.reject(new ProviderError('rejected', 'no_revocation'));
  }

  private async token(form: Record<string, string>, keep?: KeepAnswer): Promise<IssuedTokens> {
    const { url, clientId, clientSecret } = this.config;
    const basic = Buffer.from(`${clientId}:${clientSecret}`).toString('base64');
    const answer = await this.http.send(`${url}/token`, {
      method: 'POST',
      headers: {
        authorization: `Basic ${basic}`,
        'content-type': 'application/x-www-form-urlencoded',
      },
      body: new URLSearchParams(form),
    });
    if (mayHoldTokens(answer)) keep?.(answer);
    return this.understand(answer);
  }
}

/** The line that would stand in the table of `src/providers/provider-table.ts`. */
export const acmeProvider =
  (config: AcmeConfig | undefined): ProviderFactory =>
  (_, http) =>
    config && new AcmeProvider(config, http());
