import { spawn, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { startStitchMoney } from '../../sandbox/index.js';
import type { StitchMoneySandbox } from '../../sandbox/index.js';
import { TestAuthority } from '../support/certificates.js';
import { createDatabase } from '../support/database.js';
import type { TestDatabase } from '../support/database.js';
import { startForwardProxy } from '../support/forward-proxy.js';
import type { ForwardProxy } from '../support/forward-proxy.js';
import { startTlsFront } from '../support/tls-front.js';
import type { TlsFront } from '../support/tls-front.js';
import { TEST_KEYRING, createClient, freePort } from '../support/vault.js';
import { eventually } from '../support/wait.js';
import { cleanUp, startVaultProgram, temporaryDirectory } from './programs.js';
import type { VaultProgram } from './programs.js';

/** A name that no resolver knows, but the proxy does. */
const NAME = 'provider.test';
const PASSWORD = 'zz-proxy-password';

describe('a vault that gets out through a forward proxy alone, to a provider of a private authority', () => {
  let database: TestDatabase;
  let key: string;
  let authority: TestAuthority;
  let sandbox: StitchMoneySandbox;
  let front: TlsFront;
  let publicPort: number;

  beforeAll(async () => {
    database = await createDatabase();
    key = await createClient(database.url);
    authority = await TestAuthority.create();
    publicPort = await freePort();
    sandbox = await startStitchMoney({
      redirectUris: [`http://127.0.0.1:${String(publicPort)}/callback/stitch-money`],
    });
    front = await startTlsFront(await issue(NAME), Number(new URL(sandbox.url).port));
  });
  afterEach(cleanUp);
  afterAll(async () => {
    front.close();
    await sandbox.close();
    await database.drop();
  });

  /** @param until milliseconds from now */
  const issue = (name: string, until?: number) =>
    authority.issue({ usage: 'server', names: [{ type: 'dns', value: name }], until });

  async function startVault(host: string, environment: Record<string, string>) {
    const directory = temporaryDirectory();
    writeFileSync(join(directory, 'ca.pem'), authority.pem);
    const base = `https://${host}:${String(front.port)}/connect`;
    return startVaultProgram({
      NODE_ENV: 'test',
      NODE_EXTRA_CA_CERTS: join(directory, 'ca.pem'),
      PORT: '0',
      PUBLIC_PORT: String(publicPort),
      DATABASE_URL: database.url,
      VAULT_KEYRING: TEST_KEYRING,
      SPOOL_DIR: join(directory, 'spool'),
      LOG_LEVEL: 'debug',
      PROVIDER_TIMEOUT: '2',
      REFRESH_POLICY: 'on-demand',
      STITCH_MONEY_ISSUER: sandbox.url,
      STITCH_MONEY_TOKEN_ENDPOINT: `${base}/token`,
      STITCH_MONEY_REVOCATION_ENDPOINT: `${base}/revocation`,
      STITCH_MONEY_JWKS_URI: `${base}/jwks`,
      STITCH_MONEY_CLIENT_ID: sandbox.clientId,
      STITCH_MONEY_CLIENT_SECRET: sandbox.clientSecret,
      ...environment,
    });
  }

  const call = (vault: VaultProgram, path: string, body?: object) =>
    fetch(`${vault.internalUrl}${path}`, {
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      ...(body ? { method: 'POST', body: JSON.stringify(body) } : {}),
    });

  async function link(vault: VaultProgram, user: string): Promise<number> {
    const begun = await call(vault, '/authorization-requests', { user_id: user });
    const { authorization_url } = (await begun.json()) as { authorization_url: string };
    return (await fetch(await sandbox.consent(authorization_url))).status;
  }
  const reject = (vault: VaultProgram, user: string, version: number) =>
    call(vault, `/tokens/${user}/rejections`, { version });

  async function lastError(vault: VaultProgram, user: string): Promise<string | null> {
    const listed = await call(vault, `/grants?user_id=${user}`);
    const { items } = (await listed.json()) as { items: { last_error: string | null }[] };
    return items[0]?.last_error ?? null;
  }

  describe('that answers in every way', () => {
    let proxy: ForwardProxy;
    let vault: VaultProgram;
    beforeEach(async () => {
      proxy = await startForwardProxy({ names: [NAME], credentials: `vault:${PASSWORD}` });
      vault = await startVault(NAME, {
        https_proxy: `http://vault:${PASSWORD}@127.0.0.1:${String(proxy.port)}`,
      });
    });
    afterEach(() => {
      proxy.close();
    });

    it('links, fetches the keys and rotates through it, by names that it alone resolves', async () => {
      expect(await link(vault, 'ann')).toBe(200);
      expect((await reject(vault, 'ann', 1)).status).toBe(200);
      expect(new Set(proxy.seen)).toEqual(new Set([`CONNECT ${NAME}:${String(front.port)}`]));
    });

    it('takes its 407, its 503, its silence and its absence for trouble of the provider, and nothing for spent', async () => {
      await link(vault, 'bob');
      const { refreshCalls } = sandbox.stats;
      for (const [mode, reason] of [
        [407, 'proxy_407'],
        [503, 'proxy_503'],
        ['hang', 'proxy_timeout'],
      ] as const) {
        proxy.mode = mode;
        // The breaker lets one call through now and then.
        await eventually(`the provider is away: ${reason}`, async () => {
          const refused = await reject(vault, 'bob', 1);
          expect({ mode, status: refused.status }).toEqual({ mode, status: 503 });
          expect(await refused.json()).toMatchObject({ code: 'provider_unavailable' });
          return (await lastError(vault, 'bob')) === `unreachable: ${reason}`;
        });
      }
      proxy.mode = 'work';
      expect(sandbox.stats.refreshCalls).toBe(refreshCalls);
      await eventually('the way is open again', async () =>
        (await reject(vault, 'bob', 1)).status === 200 ? true : undefined,
      );
      const { stdout } = vault;
      expect(stdout).not.toContain(PASSWORD);
      expect(stdout).not.toContain(Buffer.from(`vault:${PASSWORD}`).toString('base64'));
    });

    it('knows an expired certificate of the provider for a request that never left', async () => {
      await link(vault, 'cat');
      const { refreshCalls } = sandbox.stats;
      front.use(await issue(NAME, -60_000));
      expect((await reject(vault, 'cat', 1)).status).toBe(503);
      front.use(await issue(NAME));
      expect(await lastError(vault, 'cat')).toBe('unreachable: cert_has_expired');
      expect(sandbox.stats.refreshCalls).toBe(refreshCalls);
    });
  });

  it('calls directly what NO_PROXY exempts', async () => {
    const nobody = await freePort();
    front.use(await issue('localhost'));
    const vault = await startVault('localhost', {
      HTTPS_PROXY: `http://127.0.0.1:${String(nobody)}`,
      NO_PROXY: 'localhost',
    });
    expect(await link(vault, 'dan')).toBe(200);
  });

  it('works with tinyproxy, a proxy of Debian’s that no one here wrote', async () => {
    if (spawnSync('tinyproxy', ['-v']).error) {
      // CI installs it and insists on it.
      process.stderr.write('proxy.spec.ts: tinyproxy: NOT RUN, the program is not installed\n');
      expect(process.env.REQUIRE_PROGRAMS).toBeUndefined();
      return;
    }
    front.use(await issue('localhost'));
    const port = await freePort();
    const directory = temporaryDirectory();
    const log = join(directory, 'tinyproxy.log');
    const lines = [`Port ${String(port)}`, 'Listen 127.0.0.1', 'Timeout 60', 'Allow 127.0.0.1'];
    lines.push(`BasicAuth vault ${PASSWORD}`, 'LogLevel Connect', `LogFile "${log}"`);
    writeFileSync(join(directory, 'tinyproxy.conf'), lines.join('\n'));
    const tinyproxy = spawn('tinyproxy', ['-d', '-c', join(directory, 'tinyproxy.conf')]);
    let seen = '';
    tinyproxy.stdout.on('data', (chunk: Buffer) => (seen += chunk.toString()));
    try {
      const at = `127.0.0.1:${String(port)}`;
      await eventually('tinyproxy listens', () => takesConnections(port));
      const vault = await startVault('localhost', {
        HTTPS_PROXY: `http://vault:${PASSWORD}@${at}`,
      });
      expect(await link(vault, 'eve')).toBe(200);
      expect((await reject(vault, 'eve', 1)).status).toBe(200);
      const through = `${seen}${readFileSync(log, 'utf8')}`;
      expect(through).toContain(`CONNECT localhost:${String(front.port)}`);
      const stranger = await startVault('localhost', {
        HTTPS_PROXY: `http://vault:wrong@${at}`,
        PUBLIC_PORT: '0',
      });
      expect((await reject(stranger, 'eve', 2)).status).toBe(503);
    } finally {
      tinyproxy.kill();
    }
  });
});

/** Whether somebody listens there. Asking by HTTP would not do: `fetch` fails at a 407. */
function takesConnections(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => {
      resolve(false);
    });
  });
}
