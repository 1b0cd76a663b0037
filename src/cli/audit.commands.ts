import { InvalidArgumentError } from 'commander';
import type { Command } from 'commander';
import { AuditStore, UnknownHeadError, toAuditPage } from '../audit/index.js';
import { loadDatabaseConfig, loadSealingConfig } from '../config/index.js';
import { Keyring, Sealer } from '../encryption/index.js';
import { grantKeyText } from '../grants/index.js';
import type { GrantKey, GrantStore } from '../grants/index.js';
import { limit, userId } from './arguments.js';
import { print, table } from './output.js';
import { OperatorError, withSession } from './session.js';
import { auditOf, grantStoreOf } from './stores.js';

interface ListOptions {
  user?: string;
  client?: string;
  limit: number;
  json?: boolean;
}

interface VerifyOptions {
  head?: string;
  json?: boolean;
}

/** `audit list|verify` */
export function addAuditCommands(program: Command): void {
  const audit = program.command('audit').description('who did what');
  audit
    .command('list')
    .description('list the newest events, oldest first')
    .option('--user <user>', 'of this user only', userId)
    .option('--client <name>', 'of this client only; operator for commands')
    .option('--limit <n>', 'at most so many, 1 to 500', limit, 50)
    .option('--json', 'print one JSON document')
    .action((options: ListOptions) => list(options));
  audit
    .command('verify')
    .description('find out whether anything was altered, removed or put in another order')
    .option('--head <head>', 'what an earlier verify, or a log line audit.head, said', head)
    .option('--json', 'print one JSON document')
    .action((options: VerifyOptions) => verify(options));
}

async function list({ user, client, limit: most, json }: ListOptions): Promise<void> {
  await withSession(loadDatabaseConfig(), async ({ database }) => {
    const rows = await new AuditStore(database).page({ userId: user, client }, 0, most, true);
    const page = toAuditPage(rows);
    const lines = table(
      ['at', 'type', 'client', 'count', 'outcome', 'provider', 'user', 'connection'],
      page.items.map((event) => [
        event.at,
        event.type,
        event.client,
        event.count,
        event.outcome,
        event.provider,
        event.user_id,
        event.connection,
      ]),
    );
    print(json, page, lines.length > 0 ? lines : ['No events.']);
  });
}

async function verify({ head: before, json }: VerifyOptions): Promise<void> {
  const config = loadSealingConfig();
  const sealer = new Sealer(new Keyring(config.keyring));
  const result = await withSession(config.database, (session) =>
    auditOf(session, sealer).verifier.run(before, aliveIn(grantStoreOf(session.database))),
  ).catch((error: unknown) => {
    throw error instanceof UnknownHeadError ? new OperatorError(error.message) : error;
  });
  if (result.ok) {
    const words = `${String(result.events)} events, as they were written. Head: ${result.head}`;
    print(json, result, [words]);
    return;
  }
  const problem = `Position ${String(result.position)}: ${result.problem}.`;
  print(json, result, []);
  throw new OperatorError(problem, true);
}

/** Which of some deleted grants can be read again. */
const aliveIn =
  (grants: GrantStore) =>
  async <T extends GrantKey>(deleted: readonly T[]): Promise<T[]> => {
    const found = (await grants.loadMany(deleted)).filter(
      ({ status }) => status !== 'awaiting_confirmation',
    );
    const names = new Set(found.map(grantKeyText));
    return deleted.filter((grant) => names.has(grantKeyText(grant)));
  };

function head(text: string): string {
  if (/^\d{1,15}-\d{1,15}-[0-9a-f]{32}$/.test(text)) return text;
  throw new InvalidArgumentError('It must be what audit verify printed as head.');
}
