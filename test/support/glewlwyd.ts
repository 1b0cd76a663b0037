import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exportJWK, generateKeyPair } from 'jose';
import { freePort } from './vault.js';
import { eventually } from './wait.js';

/** What Debian's package makes a database of. */
const SCHEMA = '/usr/share/dbconfig-common/data/glewlwyd/install/sqlite3';
const MODULES = '/usr/lib/glewlwyd';
const SCOPES = ['openid', 'accounts'];
/** The administrator that the schema comes with. */
const ADMINISTRATOR = { username: 'admin', password: 'password' };

export const glewlwydInstalled = (): boolean =>
  existsSync(SCHEMA) &&
  spawnSync('glewlwyd', ['--version']).error === undefined &&
  spawnSync('sqlite3', ['--version']).error === undefined;

/**
 * Glewlwyd, an authorization server of Debian's archive, written in C: on SQLite, set up through its
 * API. Each refresh token is good for one use, access tokens are JWTs (RFC 9068), id_tokens are ES256.
 */
export class Glewlwyd {
  readonly clientId = 'vault';
  readonly clientSecret = randomBytes(24).toString('base64url');

  private constructor(
    private readonly api: string,
    private readonly end: () => Promise<void>,
  ) {}

  get issuer(): string {
    return `${this.api}/oidc`;
  }

  /** @param users who can sign in */
  static async start(redirectUri: string, users: readonly string[]): Promise<Glewlwyd> {
    const directory = mkdtempSync(join(tmpdir(), 'stitch-vault-glewlwyd-'));
    const port = await freePort();
    const file = join(directory, 'glewlwyd.conf');
    writeFileSync(file, configuration(port, makeDatabase(directory)));
    const child = spawn('glewlwyd', ['--config-file', file], { stdio: 'ignore' });
    const ended = new Promise((done) => child.once('exit', done));
    const server = new Glewlwyd(`http://127.0.0.1:${String(port)}/api`, async () => {
      child.kill('SIGKILL');
      await ended;
      rmSync(directory, { recursive: true });
    });
    const administrator = new Session(server.api);
    await eventually('glewlwyd listens', async () => {
      if (child.exitCode !== null) throw new Error('glewlwyd ended at once');
      return administrator.call('POST', '/auth/', ADMINISTRATOR).then(
        () => true,
        () => false,
      );
    });
    await server.setUp(administrator, redirectUri, users);
    return server;
  }

  /** Signs in, allows what is asked for, and is sent back. @returns the callback's URL */
  async consent(authorizationUrl: string, user: string): Promise<string> {
    const session = new Session(this.api);
    await session.call('POST', '/auth/', { username: user, password: PASSWORD });
    await session.call('PUT', `/auth/grant/${this.clientId}`, { scope: SCOPES.join(' ') });
    const answer = await session.call('GET', `${authorizationUrl}&g_continue`);
    return answer.headers.get('location') ?? '';
  }

  /** Whether its userinfo endpoint takes this access token. */
  async accepts(accessToken: string): Promise<boolean> {
    const headers = { authorization: `Bearer ${accessToken}` };
    return (await fetch(`${this.issuer}/userinfo`, { headers })).status === 200;
  }

  stop(): Promise<void> {
    return this.end();
  }

  private async setUp(
    administrator: Session,
    redirectUri: string,
    users: readonly string[],
  ): Promise<void> {
    await administrator.call('POST', '/mod/plugin/', {
      ...{ module: 'oidc', name: 'oidc', display_name: 'oidc', order_rank: 0 },
      parameters: await plugin(this.issuer),
    });
    await administrator.call('POST', '/scope/', { name: 'accounts', password_required: false });
    for (const username of users) {
      const scope = [...SCOPES, 'g_profile'];
      await administrator.call('POST', '/user/', {
        ...{ username, password: PASSWORD, scope, enabled: true },
      });
    }
    await administrator.call('POST', '/client/', {
      ...{ client_id: this.clientId, name: 'The vault', enabled: true, confidential: true },
      ...{ password: this.clientSecret, client_secret: this.clientSecret },
      ...{ redirect_uri: [redirectUri], scope: SCOPES.filter((scope) => scope !== 'openid') },
      authorization_type: ['code', 'refresh_token'],
      token_endpoint_auth_method: ['client_secret_basic'],
    });
  }
}

const PASSWORD = 'password of a user';

/** Somebody who is signed in there, or about to. */
class Session {
  private cookie = '';

  constructor(private readonly api: string) {}

  /** @param path below the API, or a whole URL. @throws Error unless it is answered in order */
  async call(method: string, path: string, body?: object): Promise<Response> {
    const url = path.startsWith('http') ? path : this.api + path;
    const headers = { 'content-type': 'application/json', cookie: this.cookie };
    const answer = await fetch(url, {
      ...{ method, headers, redirect: 'manual' },
      ...(body && { body: JSON.stringify(body) }),
    });
    const [cookie] = answer.headers.getSetCookie();
    this.cookie = cookie?.split(';')[0] ?? this.cookie;
    const text = await answer.text();
    if (answer.status >= 400) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return answer;
  }
}

/** @returns its path */
function makeDatabase(directory: string): string {
  const path = join(directory, 'glewlwyd.db');
  // One transaction: the schema's statements flush the disk one by one otherwise.
  const input = `BEGIN;\n${readFileSync(SCHEMA, 'utf8')}\nCOMMIT;\n`;
  execFileSync('sqlite3', ['-bail', path], { input });
  return path;
}

const configuration = (port: number, database: string): string =>
  [
    `port=${String(port)}`,
    'bind_address="127.0.0.1"',
    `external_url="http://127.0.0.1:${String(port)}"`,
    'login_url="login.html"',
    'api_prefix="api"',
    'log_mode="console"',
    'log_level="ERROR"',
    'cookie_domain="127.0.0.1"',
    'cookie_secure=0',
    'session_expiration=3600',
    'session_key="session"',
    'admin_scope="g_admin"',
    'profile_scope="g_profile"',
    `user_module_path="${MODULES}/user"`,
    `client_module_path="${MODULES}/client"`,
    `user_auth_scheme_module_path="${MODULES}/scheme"`,
    `plugin_module_path="${MODULES}/plugin"`,
    'hash_algorithm="SHA512"',
    `database = { type = "sqlite3"; path = "${database}"; };`,
    '',
  ].join('\n');

async function plugin(issuer: string): Promise<object> {
  const { privateKey } = await generateKeyPair('ES256', { extractable: true });
  const key = { ...(await exportJWK(privateKey)), kid: 'first', alg: 'ES256', use: 'sig' };
  return {
    iss: issuer,
    'subject-type': 'public',
    'jwks-private': JSON.stringify({ keys: [key] }),
    'jwks-show': true,
    'allowed-scope': SCOPES,
    'access-token-duration': 900,
    'refresh-token-duration': 86_400,
    'refresh-token-rolling': true,
    'refresh-token-one-use': 'always',
    'code-duration': 60,
    'auth-type-code-enabled': true,
    'auth-type-code-revoke-replayed': true,
    'auth-type-refresh-enabled': true,
    'pkce-allowed': true,
    'pkce-required': true,
    'introspection-revocation-allowed': true,
    'introspection-revocation-allow-target-client': true,
    'oauth-as-iss-id': true,
  };
}
