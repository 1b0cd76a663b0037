import { InvalidArgumentError, Option } from 'commander';
import type { Command } from 'commander';
import { DataSource } from 'typeorm';
import { ClientRegistry, ServiceClient } from '../clients/index.js';
import { CLIENT_SCOPES } from '../common/index.js';
import { loadDatabaseConfig } from '../config/index.js';
import { dataSourceOptions } from '../database/index.js';
import { clientName } from './arguments.js';
import { print } from './output.js';

interface CreateOptions {
  scope: string[];
  json?: boolean;
}

/** `clients create|list|revoke` */
export function addClientCommands(program: Command): void {
  const clients = program.command('clients').description('callers of the internal API');
  clients
    .command('create')
    .description('create a client and print its API key, this once')
    .argument('<name>', '', clientName)
    .addOption(
      new Option('--scope <scope>', `what it may do: ${CLIENT_SCOPES.join(', ')}; repeatable`)
        .argParser(scopes)
        .makeOptionMandatory(),
    )
    .option('--json', 'print one JSON document')
    .action((name: string, { scope, json }: CreateOptions) =>
      withRegistry(async (registry) => {
        const key = await registry.create(name, scope);
        print(json, { name, scopes: scope, api_key: key }, [
          key,
          'This key is shown once and stored only as a hash.',
        ]);
      }),
    );
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
          all.length > 0 ? all.map(toLine) : ['No clients yet.'],
        );
      }),
    );
  clients
    .command('revoke')
    .description("make a client's key worthless, at once")
    .argument('<name>')
    .option('--json', 'print one JSON document')
    .action((name: string, { json }: { json?: boolean }) =>
      withRegistry(async (registry) => {
        await registry.revoke(name);
        print(json, { revoked: name }, [`Revoked ${name}.`]);
      }),
    );
}

/** Collects repeated `--scope`s. */
function scopes(scope: string, earlier: string[] | undefined): string[] {
  if (!CLIENT_SCOPES.some((known) => known === scope)) {
    throw new InvalidArgumentError(`Scopes are ${CLIENT_SCOPES.join(', ')}.`);
  }
  return [...(earlier ?? []), scope];
}

async function withRegistry(work: (registry: ClientRegistry) => Promise<void>): Promise<void> {
  const options = dataSourceOptions({ ...loadDatabaseConfig(), poolSize: 1 });
  const dataSource = new DataSource({ ...options, entities: [ServiceClient] });
  await dataSource.initialize();
  try {
    await work(new ClientRegistry(dataSource));
  } finally {
    await dataSource.destroy();
  }
}

const toJson = (client: ServiceClient) => ({
  name: client.name,
  scopes: client.scopes,
  created_at: client.createdAt.toISOString(),
  revoked_at: client.revokedAt?.toISOString() ?? null,
  last_used_at: client.lastUsedAt?.toISOString() ?? null,
});

const toLine = (client: ServiceClient): string =>
  [
    client.name.padEnd(24),
    client.scopes.join(',').padEnd(36),
    client.revokedAt ? `revoked ${client.revokedAt.toISOString()}` : 'valid',
  ].join(' ');
