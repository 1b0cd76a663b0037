import { InvalidArgumentError } from 'commander';
import type { Command } from 'commander';
import { loadDatabaseConfig } from '../config/index.js';
import { EventLogStore, toEventPage, toPlace } from '../events/index.js';
import { limit, userId } from './arguments.js';
import { print, table } from './output.js';
import { OperatorError, withSession } from './session.js';

interface Options {
  after?: string;
  user?: string;
  limit: number;
  json?: boolean;
}

/** `events list` */
export function addEventCommands(program: Command): void {
  const events = program.command('events').description('what happened to grants');
  events
    .command('list')
    .description('list events, oldest first')
    .option('--after <cursor>', 'go on from a next_cursor or from the id of an event', place)
    .option('--user <user>', 'of this user only', userId)
    .option('--limit <n>', 'at most so many, 1 to 500', limit, 50)
    .option('--json', 'print one JSON document')
    .action(({ after, user, limit: most, json }: Options) =>
      withSession(loadDatabaseConfig(), async ({ database }) => {
        const found = await new EventLogStore(database).page(toPlace(after), most, user);
        if (!found) throw new OperatorError('There is no such event, or not any more.');
        const page = toEventPage(found, after);
        const lines = table(
          ['at', 'type', 'provider', 'user', 'connection', 'reason'],
          page.items.map(({ created_at, type, provider, user_id, connection, data }) => [
            created_at,
            type,
            provider,
            user_id,
            connection,
            data.reason,
          ]),
        );
        print(
          json,
          page,
          lines.length > 0
            ? [...lines, `Go on with --after ${page.next_cursor ?? ''}`]
            : ['No events.'],
        );
      }),
    );
}

function place(text: string): string {
  try {
    toPlace(text);
    return text;
  } catch {
    throw new InvalidArgumentError('It must be a next_cursor or the id of an event.');
  }
}
