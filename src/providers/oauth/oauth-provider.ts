import * as oidc from 'openid-client';
import { membersOf } from '../answer.js';
import type { ProviderAnswer } from '../answer.js';
import { ProviderError, UnusedTokensError } from '../provider-error.js';
import type { ProviderHttp } from '../provider-http.js';
import { assertRevoked } from '../refusal.js';
import { mayHoldTokens, readTokenAnswer, toIssuedTokens } from '../token-answer.js';
import type { TokenMembers } from '../token-answer.js';
import type {
  AuthorizationParameters,
  ClientTokenGrant,
  CodeExchange,
  IssuedTokens,
  KeepAnswer,
  TokenProvider,
} from '../token-provider.js';
import { credentialsOf } from './credentials.js';
import type { Credential } from './credentials.js';
import { CredentialTrials } from './credential-trials.js';
import { toProviderError } from './errors.js';
import { checkAtHash, checkAuthorizedParty, subjectOf } from './id-token.js';
import { KeySet } from './key-set.js';
import { refreshRequest } from './refresh-request.js';
import { ServerMetadata } from './server-metadata.js';
import type { OAuthSettings } from './settings.js';

/** Seconds by which our clock and the provider's may differ (OpenID Connect Core 3.1.3.7). */
const CLOCK_TOLERANCE = 60;

type Fetch = (url: string, options: Parameters<ProviderHttp['send']>[1]) => Promise<Response>;

/**
 * An OAuth 2.0 or OpenID provider: code flow with PKCE, refresh tokens that may rotate. The
 * protocol itself is openid-client's; what its answers are worth is decided by `token-answer.ts`.
 */
export class OAuthProvider implements TokenProvider {
  readonly name: string;
  readonly issuer: string;
  readonly defaultScopes: readonly string[];
  readonly requiredScopes: readonly string[];
  readonly refreshTokenIdleSeconds: number | null;
  readonly capabilities;
  readonly clientTokens: ClientTokenGrant | undefined;
  private readonly metadata: ServerMetadata;
  private readonly keySet: KeySet;
  private readonly credentials: CredentialTrials;

  constructor(
    private readonly settings: OAuthSettings,
    private readonly http: ProviderHttp,
  ) {
    this.name = settings.name;
    this.issuer = settings.issuer;
    this.defaultScopes = settings.scopes;
    this.requiredScopes = settings.requiredScopes;
    this.refreshTokenIdleSeconds = settings.refreshTokenIdleSeconds;
    const metadata = new ServerMetadata(settings, http);
    this.metadata = metadata;
    this.keySet = new KeySet(http);
    this.credentials = new CredentialTrials(credentialsOf(settings));
    // A public client can't prove who it is, so it is given nothing for itself (RFC 6749 section 4.4).
    this.clientTokens =
      settings.clientAuthentication === 'none'
        ? undefined
        : { clientId: settings.clientId, request: (scopes) => this.requestClientToken(scopes) };
    this.capabilities = {
      echoesState: true,
      scopes: true,
      prefill: false,
      revocation: settings.revocation,
      /** Until its metadata is known it may; then `revoke` finds out. */
      get revokes(): boolean {
        return metadata.revokes ?? true;
      },
    };
  }

  async authorizationUrl(parameters: AuthorizationParameters): Promise<string> {
    const client = await this.client(undefined, (url, options) => this.http.fetch(url, options));
    const { authorization_endpoint: endpoint, require_pushed_authorization_requests: pushed } =
      client.serverMetadata();
    if (endpoint === undefined) throw new ProviderError('unreachable', 'no_authorization_endpoint');
    if (pushed) throw new ProviderError('unreachable', 'pushed_requests_required');
    const scope = parameters.scopes.join(' ');
    return oidc.buildAuthorizationUrl(client, {
      ...this.settings.authorizationParameters,
      response_type: 'code',
      redirect_uri: parameters.redirectUri,
      ...(scope ? { scope } : {}),
      state: parameters.state,
      ...(this.settings.openid ? { nonce: parameters.nonce } : {}),
      code_challenge: parameters.codeChallenge,
      code_challenge_method: 'S256',
    }).href;
  }

  exchangeCode(exchange: CodeExchange): Promise<IssuedTokens> {
    const { openid, clientId, accessTokenLifetime } = this.settings;
    const url = new URL(exchange.redirectUri);
    url.searchParams.set('code', exchange.code);
    url.searchParams.set('state', exchange.state);
    if (exchange.issuer !== undefined) url.searchParams.set('iss', exchange.issuer);
    return this.credentials.call(async (credential) => {
      let members: TokenMembers | undefined;
      const exchanged = async () => {
        const client = await this.client(credential, async (target, options) => {
          if (options.method !== 'POST') return this.http.fetch(target, options);
          members = readTokenAnswer(await this.http.exchange(target, options));
          if (openid && members.idToken === undefined) {
            throw new ProviderError('untrusted', 'id_token_missing');
          }
          return answerFor(members, openid ? members.idToken : undefined);
        });
        const { jwks_uri: keys } = client.serverMetadata();
        if (openid && keys !== undefined) {
          await this.keySet.lendTo(client, keys);
          oidc.enableNonRepudiationChecks(client);
        }
        const answer = await oidc.authorizationCodeGrant(client, url, {
          pkceCodeVerifier: exchange.codeVerifier,
          expectedState: exchange.state,
          ...(openid ? { expectedNonce: exchange.nonce, idTokenExpected: true } : {}),
        });
        const claims = openid ? answer.claims() : undefined;
        if (answer.id_token && claims) {
          checkAuthorizedParty(claims, clientId);
          checkAtHash(answer.id_token, claims, answer.access_token);
        }
        return toIssuedTokens(members ?? missing(), accessTokenLifetime, claims?.sub ?? null);
      };
      return exchanged().catch((error: unknown) => {
        const failure = toProviderError(error);
        throw members?.refreshToken
          ? new UnusedTokensError(failure, members.refreshToken)
          : failure;
      });
    });
  }

  refresh(refreshToken: string, keep?: KeepAnswer): Promise<IssuedTokens> {
    return this.credentials.call(async (credential) => {
      const { clientId } = this.settings;
      const { url, ...request } = await refreshRequest(
        await this.metadata.get(),
        clientId,
        await credential(),
        refreshToken,
      );
      const answer = await this.http.sendAndListen(url, request);
      const members = membersOf(answer);
      if (keep && mayHoldTokens(answer, members)) keep(answer);
      // Of the id_token of a refresh only the subject is read, and a quirk in it (no `nonce`, a
      // clock) must not cost the pair beside it.
      return this.understand(answer, members);
    });
  }

  understand(answer: ProviderAnswer, known = membersOf(answer)): IssuedTokens {
    const members = readTokenAnswer(answer, known);
    const subject = this.settings.openid ? subjectOf(members.idToken) : null;
    return toIssuedTokens(members, this.settings.accessTokenLifetime, subject);
  }

  async revoke(refreshToken: string): Promise<void> {
    const { revocation_endpoint: endpoint } = await this.metadata.get(true);
    // Nothing can be revoked there: the token is forgotten, which is all that can be done.
    if (endpoint === undefined) return;
    await this.credentials.call(async (credential) => {
      const client = await this.client(credential, async (url, options) => {
        assertRevoked(await this.http.send(url, options));
        return new Response(null);
      });
      await oidc.tokenRevocation(client, refreshToken, { token_type_hint: 'refresh_token' });
    });
  }

  async endpoints(): Promise<Readonly<Record<string, string>>> {
    const known = await this.metadata.get(true);
    const named = {
      authorization: known.authorization_endpoint,
      token: known.token_endpoint,
      revocation: known.revocation_endpoint,
      keys: known.jwks_uri,
    };
    return Object.fromEntries(
      Object.entries(named).flatMap(([name, url]) => (url === undefined ? [] : [[name, url]])),
    );
  }

  private requestClientToken(scopes: readonly string[]): Promise<IssuedTokens> {
    return this.credentials.call(async (credential) => {
      let issued: IssuedTokens | undefined;
      const client = await this.client(credential, async (url, options) => {
        const members = readTokenAnswer(await this.http.send(url, options));
        issued = toIssuedTokens(members, this.settings.accessTokenLifetime, null);
        return answerFor(members);
      });
      await oidc.clientCredentialsGrant(client, {
        ...this.settings.clientTokenParameters,
        scope: scopes.join(' '),
      });
      return issued ?? missing();
    });
  }

  /** One client of the library for one call: it knows the server, a credential and what to do. */
  private async client(credential: Credential | undefined, fetch: Fetch) {
    const client = new oidc.Configuration(
      await this.metadata.get(),
      this.settings.clientId,
      { [oidc.clockTolerance]: CLOCK_TOLERANCE },
      await credential?.(),
    );
    client[oidc.customFetch] = fetch;
    // The configuration admits plain http on a loopback host only, so this loosens nothing else.
    // eslint-disable-next-line @typescript-eslint/no-deprecated -- deprecated to make it stand out
    oidc.allowInsecureRequests(client);
    return client;
  }
}

/** The library has asked nobody and is content all the same. */
function missing(): never {
  throw new ProviderError('malformed', 'unexpected_answer');
}

/** An answer in which the library finds nothing odd. */
function answerFor(members: TokenMembers, idToken?: unknown): Response {
  return Response.json({
    access_token: members.accessToken,
    token_type: 'Bearer',
    expires_in: members.lifetime,
    refresh_token: members.refreshToken ?? undefined,
    scope: members.scopes?.join(' '),
    id_token: idToken,
  });
}
