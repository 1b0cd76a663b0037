import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { exportJWK, generateKeyPair } from 'jose';
import { Provider } from 'oidc-provider';
import type { StoredToken } from 'oidc-provider';
import { createMemoryAdapter } from 'oidc-provider/lib/adapters/memory_adapter.js';

/** What the authorization server saw, in order. */
export interface OidcStats {
  /** Answered and refused calls of the token endpoint. */
  readonly refreshes: { answered: number; refused: string[] };
  codesExchanged: number;
}

/** A certified authorization server that no one here wrote, at stitch.money's paths. */
export interface OidcServer {
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly stats: OidcStats;
  /** The refresh tokens that were rotated away, oldest first, of one user. */
  consumedOf(user: string): readonly string[];
  /** The user withdraws the consent at the provider. */
  revoke(user: string): Promise<void>;
  /** Whether the provider's own API takes this access token for this user now. */
  accepts(accessToken: string, user: string): Promise<boolean>;
  close(): Promise<void>;
}

export interface OidcOptions {
  readonly redirectUri: string;
  /** Seconds an access token lives. Default 900. */
  readonly tokenLifetime?: number;
  /** Default `client_secret_post`. */
  readonly clientAuthentication?: 'client_secret_basic';
  /** What id_tokens are signed with. Default RS256. */
  readonly algorithm?: 'ES256' | 'EdDSA';
  /** Whether refresh tokens rotate, and whether they can be revoked. Default true. */
  readonly rotates?: boolean;
  readonly revokes?: boolean;
  /** What it insists on beyond OAuth 2.0: pushed requests (RFC 9126) or proofs (RFC 9449). */
  readonly demands?: 'pushed requests' | 'DPoP';
}

/** Every refresh token rotates; a used one that comes back ends its grant. PKCE is required. */
export async function startOidcProvider(options: OidcOptions): Promise<OidcServer> {
  const clientId = 'vault';
  const clientSecret = randomBytes(32).toString('base64url');
  const http = createServer();
  http.listen(0, '127.0.0.1');
  await new Promise((resolve) => http.once('listening', resolve));
  const issuer = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
  const provider = new Provider(
    issuer,
    await configuration({ ...options, clientId, clientSecret }),
  );
  const serve = provider.callback();
  http.on('request', (request: IncomingMessage, response: ServerResponse) => {
    if (!request.url?.startsWith('/interaction/')) serve(request, response);
    else void interact(provider, request, response);
  });

  const stats: OidcStats = { refreshes: { answered: 0, refused: [] }, codesExchanged: 0 };
  const consumed: StoredToken[] = [];
  const grants = new Map<string, string>();
  provider.on('refresh_token.saved', ({ accountId, grantId }) => grants.set(accountId, grantId));
  provider.on('refresh_token.consumed', (token) => consumed.push(token));
  provider.on('grant.success', ({ oidc: { params } }) => {
    if (params.grant_type === 'refresh_token') stats.refreshes.answered += 1;
    else stats.codesExchanged += 1;
  });
  provider.on('grant.error', ({ oidc: { params } }, error) => {
    if (params.grant_type === 'refresh_token') stats.refreshes.refused.push(error.message);
  });

  return {
    ...{ issuer, clientId, clientSecret, stats },
    consumedOf: (user) =>
      consumed.filter(({ accountId }) => accountId === user).map(({ jti }) => jti),
    revoke: async (user) => {
      const grant = await provider.Grant.find(grants.get(user) ?? '');
      if (!grant) throw new Error(`${user} has no grant`);
      await grant.destroy();
    },
    accepts: async (accessToken, user) => {
      const headers = { authorization: `Bearer ${accessToken}` };
      const answer = await fetch(`${issuer}/connect/userinfo`, { headers });
      return answer.ok && ((await answer.json()) as { sub: string }).sub === user;
    },
    close: async () => {
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
    },
  };
}

type Needs = OidcOptions & { clientId: string; clientSecret: string };

async function configuration({ clientId, clientSecret, redirectUri, ...options }: Needs) {
  const { tokenLifetime, clientAuthentication, algorithm = 'RS256' } = options;
  const { privateKey } = await generateKeyPair(algorithm, { extractable: true });
  const key = { ...(await exportJWK(privateKey)), kid: 'test', use: 'sig', alg: algorithm };
  const day = 86_400;
  return {
    adapter: createMemoryAdapter(),
    clients: [
      {
        client_id: clientId,
        client_secret: clientSecret,
        id_token_signed_response_alg: algorithm,
        redirect_uris: [redirectUri],
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
        token_endpoint_auth_method: clientAuthentication ?? 'client_secret_post',
        ...(options.demands === 'DPoP' ? { dpop_bound_access_tokens: true } : {}),
      },
    ],
    routes: {
      authorization: '/connect/authorize',
      token: '/connect/token',
      revocation: '/connect/revocation',
      jwks: '/connect/jwks',
      userinfo: '/connect/userinfo',
    },
    scopes: ['openid', 'offline_access', 'accounts', 'balances', 'transactions'],
    pkce: { required: () => true },
    features: {
      devInteractions: { enabled: false },
      dPoP: { enabled: options.demands === 'DPoP' },
      pushedAuthorizationRequests: {
        enabled: true,
        requirePushedAuthorizationRequests: options.demands === 'pushed requests',
      },
      revocation: { enabled: options.revokes ?? true, allowedPolicy: () => true },
    },
    interactions: { url: (_: unknown, { uid }: { uid: string }) => `/interaction/${uid}` },
    cookies: { keys: [randomBytes(16).toString('hex')] },
    jwks: { keys: [key] },
    enabledJWA: { idTokenSigningAlgValues: ['RS256', 'ES256', 'EdDSA'] },
    findAccount: (_: unknown, id: string) => ({ accountId: id, claims: () => ({ sub: id }) }),
    // It grants `offline_access` to those alone who send `prompt=consent`, which stitch.money has
    // no use for; refresh tokens come regardless.
    issueRefreshToken: () => true,
    expiresWithSession: () => false,
    rotateRefreshToken: options.rotates ?? true,
    ttl: {
      AccessToken: tokenLifetime ?? 900,
      AuthorizationCode: 300,
      Grant: day,
      IdToken: 300,
      Interaction: 600,
      RefreshToken: day,
      Session: day,
    },
  };
}

/** The pages where the user signs in and consents: a form each, answered as posted. */
async function interact(provider: Provider, request: IncomingMessage, response: ServerResponse) {
  const form = new URLSearchParams(await text(request));
  const { prompt, params, session } = await provider.interactionDetails(request, response);
  if (request.method !== 'POST') {
    response.setHeader('content-type', 'text/html');
    response.end(`<form method="post"><input name="user" required>${prompt.name}</form>`);
    return;
  }
  if (prompt.name === 'login') {
    const login = { accountId: form.get('user') };
    await provider.interactionFinished(request, response, { login });
    return;
  }
  const of = { accountId: session?.accountId ?? '', clientId: params.client_id };
  const grant = new provider.Grant(of);
  grant.addOIDCScope((prompt.details.missingOIDCScope ?? []).join(' '));
  const consent = { grantId: await grant.save() };
  const merge = { mergeWithLastSubmission: true };
  await provider.interactionFinished(request, response, { consent }, merge);
}
