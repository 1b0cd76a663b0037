import type { Command } from 'commander';
import { loadDatabaseConfig } from '../config/index.js';
import { adoptHistory } from '../database/index.js';
import { print } from './output.js';
import { withSession } from './session.js';

/** `adopt`: this database is the original from now on. */
export function addAdoptCommand(program: Command): void {
  program
    .command('adopt')
    .description(
      'say that this database, a copy or one that was set back, is the original from now on',
    )
    .option('--json', 'print one JSON document')
    .action(({ json }: { json?: boolean }) =>
      withSession(loadDatabaseConfig(), async ({ database }) => {
        const adopted = await adoptHistory(database.query);
        print(json, { adopted }, [
          adopted
            ? 'This database is the original now; vaults on it present refresh tokens again.'
            : 'It was the original already.',
        ]);
      }),
    );
}
