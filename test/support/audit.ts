import { runCli } from '../integration/programs.js';
import type { TestDatabase } from './database.js';
import { TEST_KEYRING } from './vault.js';
import type { TestVault } from './vault.js';
import { eventually } from './wait.js';

/**
 * Waits until a vault has vouched for what it found in a database: clients that are changed by SQL
 * before that are believed.
 */
export const takenOver = (database: TestDatabase): Promise<boolean> =>
  eventually('a vault has made the key that vouches for clients', async () => {
    const rows = await database.query('SELECT 1 FROM audit_keys');
    return rows.length > 0;
  });

/** An item of `GET /audit`. */
export interface AuditItem {
  position: number;
  at: string;
  type: string;
  client: string | null;
  provider: string | null;
  user_id: string | null;
  connection: string | null;
  version: number | null;
  count: number;
  outcome: string;
  request_id: string | null;
}

/** Everything that `GET /audit` has to say, page by page. */
export async function readAudit(vault: TestVault, key: string, query = ''): Promise<AuditItem[]> {
  const all: AuditItem[] = [];
  for (let after = 'p0'; ;) {
    const answer = await vault.request(`/audit?limit=500&after=${after}${query}`, { key });
    const page = (await answer.json()) as { items: AuditItem[]; next_cursor: string };
    all.push(...page.items);
    after = page.next_cursor;
    if (page.items.length < 500) return all;
  }
}

/** What `audit verify --json` says, and how it ended. */
export async function verifyAudit(
  databaseUrl: string,
  args: readonly string[] = [],
  keyring = TEST_KEYRING,
): Promise<Record<string, unknown>> {
  const { code, stdout } = await runCli(['audit', 'verify', '--json', ...args], {
    DATABASE_URL: databaseUrl,
    VAULT_KEYRING: keyring,
  });
  return { code, ...(JSON.parse(stdout) as Record<string, unknown>) };
}
