import { Argument } from 'commander';
import type { Command } from 'commander';
import { loadDatabaseConfig } from '../config/index.js';
import { Migrator } from '../database/index.js';
import { print } from './output.js';

interface Options {
  json?: boolean;
  role?: string;
}

/** `migrate [run|revert|show]` */
export function addMigrateCommand(program: Command): void {
  program
    .command('migrate')
    .description('apply pending migrations, revert the newest, or show them all')
    .addArgument(new Argument('[action]').choices(['run', 'revert', 'show']).default('run'))
    .option('--role <name>', 'run: the role that the vault works with, made if there is none')
    .option('--json', 'print one JSON document')
    .action(async (action: 'run' | 'revert' | 'show', { json, role }: Options) => {
      const migrator = new Migrator(loadDatabaseConfig());
      if (action === 'show') {
        const migrations = await migrator.show();
        const lines = migrations.map(({ name, applied }) => `[${applied ? 'X' : ' '}] ${name}`);
        print(json, { migrations: migrations.map((state) => ({ ...state })) }, lines);
      } else if (action === 'revert') {
        const reverted = await migrator.revert(sayWaiting);
        print(json, { reverted }, describe('Reverted', reverted, 'There is nothing to revert.'));
      } else {
        const { applied, roles } = await migrator.run(role, sayWaiting);
        const lines = describe('Applied', applied, 'The database is up to date.');
        const rights = roles.map((name) => `${name} has the rights of a vault.`);
        print(json, { applied, ...(roles.length > 0 && { roles }) }, [...lines, ...rights]);
      }
    });
}

/** On stderr: a person wants to know whom to end, and `--json` prints one document. */
const sayWaiting = (holders: readonly string[]): void => {
  const whom = holders.length > 0 ? holders.join(', ') : 'somebody who has ended since';
  process.stderr.write(`Waiting for a table that is in use by ${whom}. Vaults go on working.\n`);
};

const describe = (verb: string, names: readonly string[], nothing: string): string[] =>
  names.length > 0 ? names.map((name) => `${verb} ${name}`) : [nothing];
