import { CommanderError } from 'commander';
import type { Command } from 'commander';
import { ClientRegistryError } from '../clients/index.js';
import { StorageUnavailableError, describeError } from '../common/index.js';
import { ConfigurationError } from '../config/index.js';
import { ServerSettingsError } from '../database/index.js';
import { print } from './output.js';
import { OperatorError } from './session.js';

/** Exit codes of the operator commands. */
const EXIT = { ok: 0, failed: 1, usage: 2 } as const;

/**
 * SQLSTATE of a table, a function or a column that is not there: every statement of a command is one
 * that works on the schema of its version.
 */
const MIGRATION_MISSING: ReadonlySet<string> = new Set(['42P01', '42883', '42703']);

/**
 * Runs a command line. Failures go to stderr in a sentence, never as a stack; with `--json` stdout
 * gets a document that says the same.
 *
 * @returns the exit code: 0, 1 (failed) or 2 (usage)
 */
export async function run(program: Command, argv: readonly string[]): Promise<number> {
  try {
    await program.parseAsync([...argv]);
    return EXIT.ok;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return EXIT.ok;
    const usage = error instanceof CommanderError;
    // Commander has explained itself already.
    const message = usage ? error.message.replace(/^error: /, '') : explain(error);
    if (!usage) process.stderr.write(`${message}\n`);
    const reported = error instanceof OperatorError && error.reported;
    const json = argv.includes('--json') && !reported;
    print(json, { error: { code: usage ? 'usage' : 'failed', message } }, []);
    return usage ? EXIT.usage : EXIT.failed;
  }
}

function explain(error: unknown): string {
  if (
    error instanceof ConfigurationError ||
    error instanceof ClientRegistryError ||
    error instanceof OperatorError ||
    error instanceof ServerSettingsError
  ) {
    return error.message;
  }
  const known = error instanceof StorageUnavailableError && error.cause ? error.cause : error;
  const { code, message } = describeError(known);
  if (MIGRATION_MISSING.has(code ?? ''))
    return 'The database is not migrated yet: run npm run migration:run (in a container: node dist/cli.js migrate)';
  if (code === 'ECONNREFUSED') return 'The database cannot be reached at DATABASE_URL.';
  return message || 'The command failed.';
}
