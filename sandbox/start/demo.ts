import type { Sandbox } from '../index.js';
import { Complaint } from './complaint.js';
import type { DataDirectory } from './data-directory.js';
import { runCommand } from './vault.js';

export const DEMO_USER = 'demo-user';
const CLIENT = 'demo';
const KEY_FILE = 'demo-api-key';

/** The API key of the client `demo`, kept from an earlier run or made now. */
async function demoKey(data: DataDirectory, env: NodeJS.ProcessEnv): Promise<string> {
  const kept = data.read(KEY_FILE);
  return kept !== undefined && kept !== '' ? kept : newDemoKey(data, env);
}

/** A new key; one whose file was lost is revoked first. */
async function newDemoKey(data: DataDirectory, env: NodeJS.ProcessEnv): Promise<string> {
  const create = () =>
    runCommand(
      env,
      ...['clients', 'create', CLIENT, '--json'],
      // Every command of the docs can be tried with it; a service of one's own gets less.
      ...['--scope', 'admin'],
    );
  const output = await create().catch(async () => {
    await runCommand(env, 'clients', 'revoke', CLIENT);
    return create();
  });
  const { key } = JSON.parse(output) as { key?: unknown };
  if (typeof key !== 'string') throw new Complaint('`vault clients create` gave no API key.');
  data.write(KEY_FILE, key);
  return key;
}

/** A caller of the internal API, as any service is. */
export class DemoCaller {
  constructor(
    private readonly apiUrl: string,
    readonly key: string,
  ) {}

  /** The status of a read of the demo user's token. */
  async readStatus(): Promise<number> {
    const answer = await this.call(`/tokens/${DEMO_USER}`);
    await answer.body?.cancel();
    return answer.status;
  }

  /** Whether the key is known, and may do all that the docs show. */
  async isGood(): Promise<boolean> {
    const answer = await this.call('/grants?limit=1');
    await answer.body?.cancel();
    return answer.status === 200;
  }

  /** The link a user follows to consent. */
  async authorizationUrl(userId: string): Promise<string> {
    const answer = await this.call('/authorization-requests', {
      method: 'POST',
      body: JSON.stringify({ user_id: userId }),
    });
    if (answer.status !== 201) {
      throw new Complaint(`POST /authorization-requests answered ${answer.status}.`);
    }
    const { authorization_url: url } = (await answer.json()) as { authorization_url: string };
    return url;
  }

  private call(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = { authorization: `Bearer ${this.key}`, 'content-type': 'application/json' };
    return fetch(`${this.apiUrl}${path}`, { ...init, headers });
  }
}

/**
 * A caller whose key the vault knows and whose demo user is linked, through the real flow: the
 * request, the consent page, the callback.
 */
export async function linkDemoUser(
  data: DataDirectory,
  env: NodeJS.ProcessEnv,
  apiUrl: string,
  sandbox: Sandbox,
): Promise<DemoCaller> {
  let caller = new DemoCaller(apiUrl, await demoKey(data, env));
  if (!(await caller.isGood())) {
    // The key is of another database, or of a version that gave it less.
    caller = new DemoCaller(apiUrl, await newDemoKey(data, env));
  }
  let status = await caller.readStatus();
  if (status === 200) return caller;
  const callback = await sandbox.stitchMoney.consent(await caller.authorizationUrl(DEMO_USER));
  const page = await fetch(callback);
  await page.body?.cancel();
  if (page.status !== 200) throw new Complaint(`The callback answered ${page.status}.`);
  status = await caller.readStatus();
  if (status !== 200) throw new Complaint(`GET /tokens/${DEMO_USER} answered ${status}.`);
  return caller;
}
