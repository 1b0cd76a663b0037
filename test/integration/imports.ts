import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseKeyring } from '../../src/config/parsers.js';
import { Keyring, Sealer } from '../../src/encryption/index.js';
import { TokenSealer } from '../../src/grants/index.js';
import { createDatabase } from '../support/database.js';
import type { TestDatabase } from '../support/database.js';
import { TEST_KEYRING } from '../support/vault.js';
import { runCli, temporaryDirectory } from './programs.js';
import type { Ended } from './programs.js';

interface Report {
  line: number;
  field: string | null;
  reason: string;
}

interface SealedRow {
  user_id: string;
  provider: string;
  connection: string;
  access_token: Buffer;
  refresh_token: Buffer | null;
}

/** A good line of an import file, about `user-<n>`, with tokens of its own each time. */
export const grantLine = (n: number) => ({
  user_id: `user-${n}`,
  access_token: `a${n}-${randomBytes(24).toString('base64url')}`,
  refresh_token: `r${n}-${randomBytes(24).toString('base64url')}`,
  expires_in: 900,
  scope: 'openid accounts',
});

const SEALER = new TokenSealer(new Sealer(new Keyring(parseKeyring(TEST_KEYRING))));

/** A database and a file to import into it. */
export class ImportSite {
  readonly file = join(temporaryDirectory(), 'grants.jsonl');
  readonly environment: { DATABASE_URL: string; VAULT_KEYRING: string };

  private constructor(readonly database: TestDatabase) {
    this.environment = { DATABASE_URL: database.url, VAULT_KEYRING: TEST_KEYRING };
  }

  static async create(): Promise<ImportSite> {
    return new ImportSite(await createDatabase());
  }

  write(lines: readonly (object | string)[]): void {
    const text = lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line)));
    writeFileSync(this.file, `${text.join('\n')}\n`);
  }

  run(...args: string[]): Promise<Ended> {
    return runCli(['grants', 'import', this.file, ...args], this.environment);
  }

  async json(...args: string[]): Promise<Ended & { result: Record<string, unknown> }> {
    const ended = await this.run('--json', ...args);
    expect(ended.stdout).toMatch(/^\{.*\}\n$/);
    return { ...ended, result: JSON.parse(ended.stdout) as Record<string, unknown> };
  }

  report(): Report[] {
    const text = readFileSync(`${this.file}.rejected.jsonl`, 'utf8').trimEnd();
    return text.split('\n').map((line) => JSON.parse(line) as Report);
  }

  async count(): Promise<number> {
    const [row] = await this.database.query<{ n: number }>(
      'SELECT count(*)::int AS n FROM stitch_grants',
    );
    return row?.n ?? 0;
  }

  /** What the database holds, opened: user → tokens. */
  async stored(): Promise<Map<string, { access: string; refresh: string | null }>> {
    const rows = await this.database.query<SealedRow>(
      'SELECT user_id, provider, connection, access_token, refresh_token FROM stitch_grants',
    );
    return new Map(
      rows.map((row) => {
        const key = { provider: row.provider, userId: row.user_id, connection: row.connection };
        return [
          row.user_id,
          {
            access: SEALER.open(row.access_token, 'access_token', key),
            refresh: row.refresh_token && SEALER.open(row.refresh_token, 'refresh_token', key),
          },
        ];
      }),
    );
  }
}
