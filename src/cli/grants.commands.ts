import { InvalidArgumentError, Option } from 'commander';
import type { Command } from 'commander';
import { DEFAULT_CONNECTION, DEFAULT_PROVIDER, REAUTHORIZATION_REASONS } from '../common/index.js';
import type { ReauthorizationReason } from '../common/index.js';
import { loadDatabaseConfig } from '../config/index.js';
import {
  GRANT_STATUSES,
  OperatorStore,
  fromCursor,
  toCursor,
  toGrantDto,
} from '../grants/index.js';
import type { Grant, GrantKey, GrantStatus, GrantStore } from '../grants/index.js';
import { connection, limit, provider, time, userId } from './arguments.js';
import { addImportCommand } from './import/import.command.js';
import { print, table } from './output.js';
import { addRereadCommand } from './reread.command.js';
import { OperatorError, withSession } from './session.js';
import { grantStoreOf } from './stores.js';

interface NameOptions {
  provider: string;
  connection: string;
  json?: boolean;
}

interface RetryOptions {
  reason?: ReauthorizationReason;
  since?: number;
  user?: string;
  json?: boolean;
}

interface ListOptions {
  provider?: string;
  status?: GrantStatus;
  userId?: string;
  limit: number;
  cursor?: GrantKey;
  json?: boolean;
}

/** `grants import|list|show|delete|refresh|retry|reread` */
export function addGrantCommands(program: Command): void {
  const grants = program.command('grants').description('what users have linked');
  addImportCommand(grants);
  addRetryCommand(grants);
  addRereadCommand(grants);
  grants
    .command('list')
    .description('list grants, page by page, without any token')
    .option('--provider <provider>', 'of this provider only', provider)
    .addOption(new Option('--status <status>', 'in this status only').choices(GRANT_STATUSES))
    .option('--user, --user-id <user>', 'of this user only', userId)
    .option('--limit <n>', 'at most so many, 1 to 500', limit, 50)
    .option('--cursor <cursor>', 'go on from next_cursor of the page before', cursor)
    .option('--json', 'print one JSON document')
    .action((options: ListOptions) => list(options));
  named(grants, 'show', 'show one grant, without its tokens').action(
    (user: string, options: NameOptions) =>
      withGrants(async (store) => {
        const grant = await required(store, nameOf(user, options));
        const { heldAt } = grant;
        // Why it is held is its last error.
        const held = heldAt === null ? {} : { held_at: new Date(heldAt).toISOString() };
        const shown = Object.assign(toGrantDto(grant), held);
        const lines = Object.entries(shown).map(
          ([name, value]) => `${name.padEnd(15)} ${String(value ?? '-')}`,
        );
        print(options.json, shown, lines);
      }),
  );
  named(grants, 'delete', 'forget a grant; the running vault revokes it at the provider').action(
    (user: string, options: NameOptions) =>
      withGrants(async (store) => {
        const key = nameOf(user, options);
        if (!(await store.delete(key, 'operator'))) throw noSuchGrant(key);
        print(options.json, { deleted: toJson(key) }, [`Deleted ${spell(key)}.`]);
      }),
  );
  named(grants, 'refresh', 'make a grant due now; the running vault refreshes it').action(
    (user: string, options: NameOptions) =>
      withGrants((store, operator) =>
        refresh(store, operator, nameOf(user, options), options.json),
      ),
  );
}

/** Why grants are not tried once more. */
const NOT_RETRIED: Readonly<Record<string, string>> = {
  without_token: 'no token is kept any more, their users have to link again',
  held: 'their answer is kept and can perhaps be understood, see grants reread',
  under_way: 'they are being tried at this moment',
};

/** `grants retry` */
function addRetryCommand(grants: Command): void {
  grants
    .command('retry')
    .description('try grants in reauthorization_required once more with the token that they had')
    .addOption(
      new Option('--reason <reason>', 'given up for this reason').choices(REAUTHORIZATION_REASONS),
    )
    .option('--since <time>', 'given up at this RFC 3339 time or later', time)
    .option('--user <user>', 'of this user only', userId)
    .option('--json', 'print one JSON document')
    .action(({ reason, since, user, json }: RetryOptions) =>
      withGrants(async (_, operator) => {
        const { scheduled, ...others } = await operator.retry({ reason, since, userId: user });
        const skipped = Object.entries(others).filter(([, count]) => count > 0);
        print(
          json,
          { scheduled, ...(skipped.length > 0 ? { skipped: Object.fromEntries(skipped) } : {}) },
          [
            `${String(scheduled)} grant(s) are tried by the running vault.`,
            ...skipped.map(([why, count]) => `${String(count)} not: ${NOT_RETRIED[why] ?? why}.`),
          ],
        );
      }),
    );
}

async function list({ limit: most, cursor: after, json, ...filter }: ListOptions): Promise<void> {
  await withGrants(async (store) => {
    const found = await store.list(filter, after, most + 1);
    const items = found.slice(0, most);
    const last = items.at(-1);
    const next = found.length > most && last ? toCursor(last) : null;
    const lines = table(
      ['provider', 'user', 'connection', 'status', 'reason', 'expires', 'version'],
      items
        .map(toGrantDto)
        .map((grant) => [
          grant.provider,
          grant.user_id,
          grant.connection,
          grant.status,
          grant.reason,
          grant.expires_at,
          grant.version,
        ]),
    );
    if (next) lines.push(`More with --cursor ${next}`);
    print(
      json,
      { items: items.map(toGrantDto), next_cursor: next },
      lines.length > 0 ? lines : ['No grants.'],
    );
  });
}

async function refresh(
  store: GrantStore,
  operator: OperatorStore,
  key: GrantKey,
  json: boolean | undefined,
): Promise<void> {
  const marked = await operator.makeDue(key);
  const grant = await required(store, key);
  // Somebody is at it: that is what was asked for.
  const busy = !marked && grant.leaseOwner !== null;
  if (!marked && !busy) {
    const why = grant.status === 'active' ? 'has no refresh token' : `is ${grant.status}`;
    throw new OperatorError(`${spell(key)} cannot be refreshed: it ${why}.`);
  }
  const outcome = busy ? 'under_way' : grant.status === 'suspended' ? 'check_due' : 'refresh_due';
  const words = {
    under_way: 'is being refreshed already.',
    check_due: 'is suspended; the vault checks it with its next look.',
    refresh_due:
      'is due now; the vault refreshes it with its next look (REFRESH_POLICY on-demand: when it is read).',
  };
  print(json, { ...toJson(key), version: grant.version, outcome }, [
    `${spell(key)} ${words[outcome]}`,
  ]);
}

/** A command about the one grant that its argument and options name. */
const named = (grants: Command, name: string, description: string): Command =>
  grants
    .command(name)
    .description(description)
    .argument('<user>', 'the user id', userId)
    .option('--provider <provider>', 'the provider', provider, DEFAULT_PROVIDER)
    .option(
      '--connection <connection>',
      'which of their connections',
      connection,
      DEFAULT_CONNECTION,
    )
    .option('--json', 'print one JSON document');

const withGrants = (work: (store: GrantStore, operator: OperatorStore) => Promise<void>) =>
  withSession(loadDatabaseConfig(), ({ database }) =>
    work(grantStoreOf(database), new OperatorStore(database)),
  );

async function required(store: GrantStore, key: GrantKey): Promise<Grant> {
  const grant = await store.load(key);
  if (!grant) throw noSuchGrant(key);
  return grant;
}

function cursor(text: string): GrantKey {
  try {
    const key = fromCursor(text);
    if (key) return key;
  } catch {
    // Said below, in the words of a command line.
  }
  throw new InvalidArgumentError('It must be the next_cursor of a page.');
}

const nameOf = (user: string, options: NameOptions): GrantKey => ({
  provider: options.provider,
  userId: user,
  connection: options.connection,
});
const spell = (key: GrantKey) => `${key.provider}/${key.userId}/${key.connection}`;
const toJson = ({ provider, userId, connection }: GrantKey) => ({
  provider,
  user_id: userId,
  connection,
});
const noSuchGrant = (key: GrantKey) => new OperatorError(`There is no grant ${spell(key)}.`);
