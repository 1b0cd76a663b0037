import { startStitchConnect } from '../../sandbox/index.js';
import type { AccountChoice, StitchConnectSandbox } from '../../sandbox/index.js';
import { CookieBrowser } from './cookie-browser.js';
import { begin } from './requests.js';
import type { BegunRequest } from './requests.js';
import { createWorld } from './world.js';
import type { TokenAnswer, World, WorldOptions } from './world.js';

const CONNECT = 'stitch-connect';

/** What `GET /tokens/:user_id` answers for stitch-connect. */
export type ConnectToken = Omit<TokenAnswer, 'expires_in' | 'expires_at'> & {
  expires_in: null;
  expires_at: null;
  stitch_account_id: number;
};

/** A world that has stitchdata.com as well. */
export interface ConnectWorld extends World {
  readonly connect: StitchConnectSandbox;
  /** Begins a link; whatever is given goes into the request. */
  beginConnect(body: Record<string, unknown>): Promise<BegunRequest>;
  /** Starts a begun link in a browser and consents there. @returns the callback URL */
  consent(browser: CookieBrowser, url: string, choice?: AccountChoice): Promise<string>;
  /** Links a user through the whole flow. @returns the callback's answer */
  linkConnect(userId: string, email?: string): Promise<Response>;
  readConnect(userId: string, replica?: number): Promise<Response>;
  /** A POST with a JSON body, with every scope. */
  post(path: string, body: unknown, replica?: number): Promise<Response>;
}

export async function createConnectWorld(options: WorldOptions = {}): Promise<ConnectWorld> {
  const connect = await startStitchConnect({ redirectUris: [] });
  const world = await createWorld({
    replicas: 2,
    ...options,
    environment: {
      STITCH_CONNECT_API_URL: connect.url,
      STITCH_CONNECT_APP_URL: connect.url,
      STITCH_CONNECT_PARTNER_ID: connect.partnerId,
      STITCH_CONNECT_PARTNER_SECRET: connect.partnerSecret,
      REFRESH_INTERVAL: '1',
      ...options.environment,
    },
  });
  connect.redirectUris.push(`${world.environment.PUBLIC_URL ?? ''}/callback/${CONNECT}`);
  const beginConnect = (body: Record<string, unknown>) =>
    begin(world, { provider: CONNECT, ...body });
  const consent = async (browser: CookieBrowser, url: string, choice?: AccountChoice) =>
    connect.consent(await browser.follow(url), choice);
  return {
    ...world,
    connect,
    beginConnect,
    consent,
    linkConnect: async (userId, email = `${userId}@example.com`) => {
      const browser = new CookieBrowser();
      const { authorization_url } = await beginConnect({ user_id: userId });
      return browser.open(await consent(browser, authorization_url, { email }));
    },
    readConnect: (userId, replica = 0) => world.read(userId, `?provider=${CONNECT}`, replica),
    post: (path, body, replica = 0) =>
      (world.vaults[replica] ?? world.vault).request(path, {
        key: world.key,
        method: 'POST',
        body: JSON.stringify(body),
      }),
    close: async () => {
      await world.close();
      await connect.close();
    },
  };
}

/** A grant's row, as far as its life is concerned; `due_in` in seconds. */
export interface GrantLife {
  status: string;
  reason: string | null;
  version: number;
  rejected_version: number | null;
  failure_count: number;
  last_error: string | null;
  due_in: number | null;
}

/** What the table says of a user's grant at a provider. @throws Error when there is none */
export async function grantLife(
  { database }: Pick<World, 'database'>,
  userId: string,
  provider = CONNECT,
): Promise<GrantLife> {
  const [row] = await database.query<GrantLife>(
    `SELECT status, reason, version::int, rejected_version::int, failure_count, last_error,
       extract(epoch FROM refresh_due_at - now())::float8 AS due_in
     FROM stitch_grants WHERE user_id = $1 AND provider = $2`,
    [userId, provider],
  );
  if (!row) throw new Error(`${userId} has no grant at ${provider}`);
  return row;
}
