import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { oauthProvider } from '@better-auth/oauth-provider';
import { betterAuth } from 'better-auth';
import { memoryAdapter } from 'better-auth/adapters/memory';
import { toNodeHandler } from 'better-auth/node';
import { jwt } from 'better-auth/plugins';

const SCOPES = ['openid', 'offline_access', 'accounts'];
const PASSWORD = 'password of a user';

/** A row of its refresh tokens, as far as tests look at it. */
interface StoredRefreshToken {
  readonly revoked?: Date | null;
}

/**
 * better-auth's OAuth provider, in memory: it announces its endpoints, signs id_tokens with EdDSA, names itself
 * in the callback (RFC 9207), insists on PKCE, rotates every refresh token and ends a family at a second use.
 */
export class BetterAuthServer {
  clientId = '';
  clientSecret = '';
  private readonly sessions = new Map<string, string>();

  private constructor(
    private readonly origin: string,
    private readonly tables: Record<string, object[]>,
    readonly stop: () => Promise<void>,
  ) {}

  get issuer(): string {
    return `${this.origin}/auth`;
  }

  /** @param users who can sign in. The first one registers the vault as a client */
  static async start(redirectUri: string, users: readonly string[]): Promise<BetterAuthServer> {
    const http = createServer();
    http.listen(0, '127.0.0.1');
    await new Promise((resolve) => http.once('listening', resolve));
    const origin = `http://127.0.0.1:${String((http.address() as AddressInfo).port)}`;
    const tables = emptyTables();
    const auth = configure(origin, tables);
    const handle = toNodeHandler(auth);
    http.on('request', (request, response) => {
      void handle(request, response);
    });
    const server = new BetterAuthServer(origin, tables, async () => {
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
    });
    for (const user of users) await server.signUp(user);
    const client = await auth.api.adminCreateOAuthClient({
      headers: new Headers({ cookie: server.sessions.get(users[0] ?? '') ?? '' }),
      body: {
        // A redirect to a loopback address is for native applications there.
        ...{ redirect_uris: [redirectUri], application_type: 'native' },
        ...{ token_endpoint_auth_method: 'client_secret_basic', scope: SCOPES.join(' ') },
        grant_types: ['authorization_code', 'refresh_token'],
      },
    });
    server.clientId = client.client_id;
    server.clientSecret = client.client_secret ?? '';
    return server;
  }

  /** Allows what is asked for. @returns where the browser is sent: the callback's URL */
  async consent(authorizationUrl: string, user: string): Promise<string> {
    const asked = await this.call(user, 'GET', authorizationUrl);
    const page = new URL(asked.url, this.origin);
    if (page.pathname !== '/consent') throw new Error(`sent to ${page.pathname}`);
    const answer = { accept: true, oauth_query: page.search.slice(1) };
    return (await this.call(user, 'POST', `${this.issuer}/oauth2/consent`, answer)).url;
  }

  /** Whether its userinfo endpoint takes this access token. */
  async accepts(accessToken: string): Promise<boolean> {
    const headers = { authorization: `Bearer ${accessToken}` };
    return (await fetch(`${this.issuer}/oauth2/userinfo`, { headers })).status === 200;
  }

  /** How many refresh tokens it ever gave, and how many of them are still good. */
  refreshTokens(): { given: number; good: number } {
    const rows = this.tables.oauthRefreshToken as StoredRefreshToken[];
    return { given: rows.length, good: rows.filter(({ revoked }) => !revoked).length };
  }

  private async signUp(user: string): Promise<void> {
    const answer = await fetch(`${this.issuer}/sign-up/email`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', origin: this.origin },
      body: JSON.stringify({ name: user, email: `${user}@example.com`, password: PASSWORD }),
    });
    const [cookie = ''] = answer.headers.getSetCookie();
    this.sessions.set(user, cookie.split(';')[0] ?? '');
  }

  /** @throws Error unless it is answered in order */
  private async call(
    user: string,
    method: string,
    url: string,
    body?: object,
  ): Promise<{ url: string }> {
    const answer = await fetch(url, {
      ...{ method, redirect: 'manual' },
      headers: {
        ...{ cookie: this.sessions.get(user) ?? '', origin: this.origin },
        ...(body && { 'content-type': 'application/json' }),
      },
      ...(body && { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    if (answer.status !== 200) throw new Error(`${method} ${url}: ${answer.status} ${text}`);
    return JSON.parse(text) as { url: string };
  }
}

const configure = (origin: string, tables: Record<string, object[]>) =>
  betterAuth({
    ...{ baseURL: origin, basePath: '/auth', secret: randomBytes(32).toString('base64url') },
    database: memoryAdapter(tables as Record<string, never[]>),
    emailAndPassword: { enabled: true },
    telemetry: { enabled: false },
    rateLimit: { enabled: false },
    logger: { disabled: true },
    plugins: [
      jwt(),
      oauthProvider({
        ...{ loginPage: '/login', consentPage: '/consent', scopes: SCOPES },
        accessTokenExpiresIn: 900,
      }),
    ],
  });

const emptyTables = (): Record<string, object[]> => ({
  ...{ user: [], session: [], account: [], verification: [], jwks: [] },
  ...{ oauthClient: [], oauthAccessToken: [], oauthRefreshToken: [], oauthConsent: [] },
});
