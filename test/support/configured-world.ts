import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createDatabase } from './database.js';
import type { TestDatabase } from './database.js';
import { ageGrant } from './grants.js';
import { signInAndConsent } from './oidc-browser.js';
import { begin, visit } from './requests.js';
import { createClient, freePort, launchVault } from './vault.js';
import type { TestVault } from './vault.js';

/** Two replicas of the vault, which know a provider by configuration alone. */
export interface ConfiguredWorld {
  readonly database: TestDatabase;
  readonly vaults: readonly TestVault[];
  readonly key: string;
  readonly redirectUri: string;
  /** Writes the provider's entry and starts the replicas. */
  start(entry: object): Promise<void>;
  /** Begins a link. @returns where to consent */
  authorizationUrl(user: string): Promise<string>;
  /** Signs in and consents at the provider. @returns the callback's answer */
  link(user: string): Promise<Response>;
  read(user: string, replica?: number): Promise<Response>;
  makeStale(user: string, seconds: number): Promise<void>;
  close(): Promise<void>;
}

export async function createConfiguredWorld(name: string): Promise<ConfiguredWorld> {
  const database = await createDatabase();
  const ports = [await freePort(), await freePort()];
  const publicUrl = `http://127.0.0.1:${String(ports[0])}`;
  const redirectUri = `${publicUrl}/callback/${name}`;
  const key = await createClient(database.url);
  const directory = mkdtempSync(join(tmpdir(), 'stitch-vault-providers-'));
  const vaults: TestVault[] = [];
  const first = () => {
    const [vault] = vaults;
    if (!vault) throw new Error('the vaults were not started');
    return vault;
  };
  const authorizationUrl = async (user: string) =>
    (await begin({ vault: first(), key }, { user_id: user, provider: name })).authorization_url;
  return {
    ...{ database, vaults, key, redirectUri, authorizationUrl },
    start: async (entry) => {
      const file = join(directory, 'providers.json');
      writeFileSync(file, JSON.stringify({ providers: { [name]: entry } }));
      for (const port of ports) {
        vaults.push(
          await launchVault({
            DATABASE_URL: database.url,
            PUBLIC_URL: publicUrl,
            PUBLIC_PORT: String(port),
            OAUTH_PROVIDERS_FILE: file,
            REFRESH_POLICY: 'on-demand',
          }),
        );
      }
    },
    link: async (user) =>
      visit(await signInAndConsent(await authorizationUrl(user), user, redirectUri)),
    read: (user, replica = 0) =>
      (vaults[replica] ?? first()).request(`/tokens/${user}?provider=${name}`, { key }),
    makeStale: (user, seconds) => ageGrant({ database, vaults }, user, seconds),
    close: async () => {
      await Promise.all(vaults.map((each) => each.stop()));
      await database.drop();
      rmSync(directory, { recursive: true });
    },
  };
}
