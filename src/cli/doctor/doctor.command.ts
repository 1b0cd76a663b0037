import type { Command } from 'commander';
import { inspectEnvironment } from '../../config/index.js';
import { print } from '../output.js';
import { OperatorError } from '../session.js';
import type { Check } from './check.js';
import { checkEnvironment, checkSpool } from './config-checks.js';
import { checkDatabase } from './database-checks.js';
import { checkProviders, withProviders } from './provider-checks.js';

/** `doctor` */
export function addDoctorCommand(program: Command): void {
  program
    .command('doctor')
    .description('look for what is wrong, and say what to do about it; changes nothing')
    .option('--json', 'print one JSON document')
    .action(({ json }: { json?: boolean }) => examine(json));
}

async function examine(json: boolean | undefined): Promise<void> {
  const inspected = inspectEnvironment();
  const [spool, database, providers] = await withProviders(inspected.config, (configured) =>
    Promise.all([
      checkSpool(inspected.config.journal.directory),
      checkDatabase(
        inspected,
        configured.map(({ name }) => name),
      ),
      checkProviders(configured, inspected),
    ]),
  );
  const checks = [...checkEnvironment(inspected), ...database, spool, ...providers];
  const failed = checks.filter(({ ok }) => !ok).length;
  const width = Math.max(...checks.map(({ name }) => name.length));
  print(
    json,
    { ok: failed === 0, checks },
    checks.map((check) => toLine(check, width)),
  );
  if (failed > 0) {
    throw new OperatorError(`${String(failed)} of ${String(checks.length)} checks failed.`, true);
  }
}

const toLine = ({ name, ok, detail }: Check, width: number): string =>
  `${ok ? 'ok  ' : 'FAIL'} ${name.padEnd(width)}  ${detail}`;
