import { createRequire } from 'node:module';
import { Command } from 'commander';
import { addAuditCommands } from './audit.commands.js';
import { addAdoptCommand } from './adopt.command.js';
import { addClientCommands } from './clients.commands.js';
import { addCompletionCommand } from './completion.command.js';
import { addDoctorCommand } from './doctor/doctor.command.js';
import { addEventCommands } from './events.commands.js';
import { addGrantCommands } from './grants.commands.js';
import { addKeyCommands } from './keys.commands.js';
import { addMigrateCommand } from './migrate.command.js';
import { addUserCommands } from './users.commands.js';

const { version } = createRequire(import.meta.url)('../../package.json') as {
  readonly version: string;
};

/** The operator's command line: `node dist/cli.js <command>`. */
export function buildProgram(): Command {
  const program = new Command('vault')
    .description('Operator commands of the Stitch token vault')
    .version(version, '--version', 'print the version')
    .exitOverride()
    .showHelpAfterError('(try --help)')
    .configureHelp({ showGlobalOptions: true });
  addMigrateCommand(program);
  addClientCommands(program);
  addGrantCommands(program);
  addUserCommands(program);
  addEventCommands(program);
  addKeyCommands(program);
  addAuditCommands(program);
  addAdoptCommand(program);
  addDoctorCommand(program);
  addCompletionCommand(program);
  return program;
}
