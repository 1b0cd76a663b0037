import type { Command } from 'commander';
import { loadDatabaseConfig } from '../config/index.js';
import { userId } from './arguments.js';
import { print } from './output.js';
import { withSession } from './session.js';
import { userGrantsOf } from './stores.js';

/** `users erase` */
export function addUserCommands(program: Command): void {
  program
    .command('users')
    .description('the users whose accounts are linked')
    .command('erase')
    .description('forget a user: every grant, which the running vault revokes, and open links')
    .argument('<user>', 'the user id', userId)
    .option('--json', 'print one JSON document')
    .action((user: string, options: { json?: boolean }) => erase(user, options.json));
}

/** Of nobody it is no failure: what is asked for is so. */
async function erase(user: string, json: boolean | undefined): Promise<void> {
  await withSession(loadDatabaseConfig(), async ({ database }) => {
    const { grants, requests } = await userGrantsOf(database).erase(user, 'operator');
    print(json, { user_id: user, grants: grants.length, authorization_requests: requests }, [
      `Erased ${user}: ${grants.length} grants deleted, ${requests} authorization requests ended.`,
    ]);
  });
}
