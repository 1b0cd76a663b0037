import { InvalidArgumentError, Option } from 'commander';
import type { Command } from 'commander';
import { DataSource } from 'typeorm';
import { ClientRegistry, ServiceClient, problemOf } from '../clients/index.js';
import type { NewClient } from '../clients/index.js';
import { CLIENT_SCOPES } from '../common/index.js';
import { loadDatabaseConfig } from '../config/index.js';
import { dataSourceOptions } from '../database/index.js';
import { clientName, provider, seconds, userId } from './arguments.js';
import { print, table } from './output.js';
import { keyOfKeyring } from './stores.js';

/** Seconds in a hundred years: longer than anybody means. */
const LONGEST_SECONDS = 3_155_760_000;
/** Seconds for which a key goes on working that was replaced. */
const OVERLAP_SECONDS = 86_400;

interface CreateOptions {
  scope: string[];
  provider?: string[];
  userPrefix?: string[];
  subject?: string;
  certificate?: string;
  expiresIn?: number;
  /** False after `--no-key`. */
  key: boolean;
  json?: boolean;
}

/** `clients create|list|rotate|revoke` */
export function addClientCommands(program: Command): void {
  const clients = program.command('clients').description('callers of the internal API');
  addCreate(clients);
  addVouch(clients);
  clients
    .command('list')
    .description('list all clients')
    .option('--json', 'print one JSON document')
    .action(({ json }: { json?: boolean }) =>
      withRegistry(async (registry) => {
        const all = await registry.list();
        print(
          json,
          { clients: all.map(toJson) },
          all.length > 0 ? toLines(all) : ['No clients yet.'],
        );
      }),
    );
  clients
    .command('rotate')
    .description('print another API key; the one before goes on working for a while')
    .argument('<name>')
    .addOption(
      new Option('--overlap <seconds>', 'how long it does; 0: it ends at once on every replica')
        .argParser(seconds(0, LONGEST_SECONDS))
        .default(OVERLAP_SECONDS),
    )
    .option('--json', 'print one JSON document')
    .action((name: string, { overlap, json }: { overlap: number; json?: boolean }) =>
      withRegistry(async (registry) => {
        const { key, previousKeyExpiresAt } = await registry.rotate(name, overlap);
        const until = previousKeyExpiresAt.toISOString();
        print(json, { name, key, previous_key_expires_at: until }, [
          key,
          `This key is shown once and stored only as a hash. The one before works until ${until}.`,
        ]);
      }),
    );
  clients
    .command('revoke')
    .description('refuse a client from now on, whatever it proves itself with')
    .argument('<name>')
    .option('--json', 'print one JSON document')
    .action((name: string, { json }: { json?: boolean }) =>
      withRegistry(async (registry) => {
        await registry.revoke(name);
        print(json, { revoked: name }, [`Revoked ${name}.`]);
      }),
    );
}

function addCreate(clients: Command): void {
  clients
    .command('create')
    .description('create a client and print its API key, this once')
    .argument('<name>', '', clientName)
    .addOption(
      new Option('--scope <scope>', `what it may do: ${CLIENT_SCOPES.join(', ')}; repeatable`)
        .argParser(collect(scope))
        .makeOptionMandatory(),
    )
    .addOption(
      new Option('--provider <name>', 'restrict it to this provider; repeatable').argParser(
        collect(provider),
      ),
    )
    .addOption(
      new Option(
        '--user-prefix <text>',
        'restrict it to users whose ids begin so; repeatable',
      ).argParser(collect(userId)),
    )
    .option('--subject <sub>', 'the sub of JWTs by which it may prove itself')
    .option('--certificate <san>', 'the URI or DNS name of certificates by which it may')
    .addOption(
      new Option('--expires-in <seconds>', 'how long it is valid').argParser(
        seconds(1, LONGEST_SECONDS),
      ),
    )
    .option('--no-key', 'give it no API key: it proves itself by JWT or certificate alone')
    .option('--json', 'print one JSON document')
    .action((name: string, options: CreateOptions, command: Command) => {
      const client = toClient(name, options);
      const problem = problemOf(client);
      if (problem !== undefined) command.error(`error: ${problem}.`);
      return withRegistry((registry) => create(registry, client, options.json));
    });
}

const toClient = (name: string, options: CreateOptions): NewClient => ({
  name,
  scopes: options.scope,
  providers: options.provider,
  userPrefixes: options.userPrefix,
  subject: options.subject,
  certificate: options.certificate,
  expiresInSeconds: options.expiresIn,
  withKey: options.key,
});

async function create(registry: ClientRegistry, client: NewClient, json?: boolean): Promise<void> {
  const { key, expiresAt } = await registry.add(client);
  const { name, scopes, providers, userPrefixes: user_prefixes, subject, certificate } = client;
  const given = { providers, user_prefixes, subject, certificate };
  const expires_at = expiresAt?.toISOString();
  // The member api_key is what the first version called it.
  const keys = key === null ? { key } : { key, api_key: key };
  print(
    json,
    { name, scopes, ...keys, ...given, expires_at },
    key === null
      ? [`Created ${name}, without an API key.`]
      : [key, 'This key is shown once and stored only as a hash.'],
  );
}

function addVouch(clients: Command): void {
  clients
    .command('vouch')
    .description(
      'believe a client as it now is, which somebody changed or added without the keyring',
    )
    .argument('<name>')
    .option('--json', 'print one JSON document')
    .action((name: string, { json }: { json?: boolean }) =>
      withRegistry(async (registry) => {
        const client = await registry.vouch(name);
        print(json, toJson(client), toLines([client]));
      }),
    );
}

/** Collects what an option brings each time it is given. */
const collect =
  (parse: (text: string) => string) =>
  (text: string, earlier: string[] | undefined): string[] => [...(earlier ?? []), parse(text)];

function scope(text: string): string {
  if (CLIENT_SCOPES.some((known) => known === text)) return text;
  throw new InvalidArgumentError(`Scopes are ${CLIENT_SCOPES.join(', ')}.`);
}

async function withRegistry(work: (registry: ClientRegistry) => Promise<void>): Promise<void> {
  const options = dataSourceOptions({ ...loadDatabaseConfig(), poolSize: 1 });
  const dataSource = new DataSource({ ...options, entities: [ServiceClient] });
  await dataSource.initialize();
  try {
    await work(new ClientRegistry(dataSource, keyOfKeyring));
  } finally {
    await dataSource.destroy();
  }
}

const toText = <T extends number | null>(ms: T) =>
  (ms === null ? null : new Date(ms).toISOString()) as T extends null ? null : string;

const toJson = (client: ServiceClient) => ({
  name: client.name,
  scopes: client.scopes,
  providers: client.providers,
  user_prefixes: client.userPrefixes,
  subject: client.subject,
  certificate: client.certificate,
  has_key: client.keyHash !== null,
  created_at: toText(client.createdAt),
  expires_at: toText(client.expiresAt),
  previous_key_expires_at: toText(client.previousKeyExpiresAt),
  revoked_at: toText(client.revokedAt),
  last_used_at: toText(client.lastUsedAt),
});

const toLines = (clients: readonly ServiceClient[]): string[] =>
  table(
    ['name', 'scopes', 'state'],
    clients.map((client) => [client.name, client.scopes.join(','), state(client)]),
  );

function state(client: ServiceClient): string {
  if (client.revokedAt !== null) return `revoked ${toText(client.revokedAt)}`;
  if (client.expiresAt === null) return 'valid';
  const at = toText(client.expiresAt);
  return client.expiresAt > Date.now() ? `valid until ${at}` : `expired ${at}`;
}
