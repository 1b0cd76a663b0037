import { createConnectWorld } from '../support/connect-world.js';
import type { ConnectWorld } from '../support/connect-world.js';
import { begin } from '../support/requests.js';
import type { BegunRequest } from '../support/requests.js';
import { freePort, launchVault } from '../support/vault.js';
import type { TestVault } from '../support/vault.js';

/** A vault whose pages are on another site than the providers', as in real life. */
export interface BrowserWorld {
  readonly world: ConnectWorld;
  /** `http://localhost:…`, where the providers are at `http://127.0.0.1:…`. */
  readonly publicUrl: string;
  begin(body: Record<string, unknown>): Promise<BegunRequest>;
  status(id: string): Promise<string>;
  /** The token that a service gets, or the status of the answer when there is none. */
  token(userId: string, query?: string): Promise<{ access_token: string } | number>;
  close(): Promise<void>;
}

export async function createBrowserWorld(): Promise<BrowserWorld> {
  const world = await createConnectWorld({ replicas: 1 });
  const port = String(await freePort());
  const publicUrl = `http://localhost:${port}`;
  const vault: TestVault = await launchVault({
    ...world.environment,
    PUBLIC_URL: publicUrl,
    PUBLIC_PORT: port,
    // For the sake of return_to: anything that answers will do.
    RETURN_URL_ALLOWLIST: world.sandbox.url,
  });
  world.sandbox.redirectUris.push(`${publicUrl}/callback/stitch-money`);
  world.connect.redirectUris.push(`${publicUrl}/callback/stitch-connect`);
  const { key } = world;
  return {
    ...{ world, publicUrl },
    begin: (body) => begin({ vault, key }, body),
    status: async (id) => {
      const answer = await vault.request(`/authorization-requests/${id}`, { key });
      return ((await answer.json()) as { status: string }).status;
    },
    token: async (userId, query = '') => {
      const answer = await vault.request(`/tokens/${userId}${query}`, { key });
      return answer.ok ? ((await answer.json()) as { access_token: string }) : answer.status;
    },
    close: async () => {
      await vault.stop();
      await world.close();
    },
  };
}
