import { open, stat } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import type { Command } from 'commander';
import { loadSealingConfig } from '../../config/index.js';
import type { SealingConfig } from '../../config/index.js';
import { EncryptionError, Keyring, Sealer } from '../../encryption/index.js';
import type { GrantStore } from '../../grants/index.js';
import { OperatorStore, TokenSealer } from '../../grants/index.js';
import { print } from '../output.js';
import { OperatorError, withSession } from '../session.js';
import type { Session } from '../session.js';
import { CheckpointFile } from './checkpoint.js';
import type { Checkpoint } from './checkpoint.js';
import { grantStoreOf } from '../stores.js';
import { Importer } from './importer.js';
import { readLines } from './lines.js';
import { Progress } from './progress.js';
import { RejectionReport } from './report.js';

interface Options {
  replace?: boolean;
  restart?: boolean;
  json?: boolean;
}

/** How an import ended. */
interface Result {
  readonly end: Checkpoint;
  readonly begun: Checkpoint;
  readonly seconds: number;
  readonly rate: number;
  readonly report: string;
}

/** `grants import` */
export function addImportCommand(grants: Command): void {
  grants
    .command('import')
    .description('import grants from another store; run it again to go on after an interruption')
    .argument('<file>', 'one JSON object a line, see docs/operations.md')
    .option('--replace', 'replace grants that are there already instead of leaving them alone')
    .option('--restart', 'begin at the first line, whatever an interrupted run has done')
    .option('--json', 'print one JSON document')
    .action(async (file: string, options: Options) => {
      const config = loadSealingConfig();
      const source = await openFile(file);
      try {
        const result = await withSession(config.database, (session) =>
          importFile(file, source, config, session, options),
        );
        show(file, result, options.json);
      } finally {
        await source.close();
      }
    });
}

async function importFile(
  path: string,
  source: FileHandle,
  config: SealingConfig,
  { database, clock }: Session,
  { replace = false, restart = false }: Options,
): Promise<Result> {
  const sealer = new TokenSealer(new Sealer(new Keyring(config.keyring)));
  await checkKeyring(grantStoreOf(database), sealer);
  const checkpoints = new CheckpointFile(`${path}.progress`, source);
  if (restart) await checkpoints.remove();
  const begun = await checkpoints.load();
  const report = new RejectionReport(`${path}.rejected.jsonl`, begun.reportBytes);
  await report.prepare();
  const progress = new Progress((await source.stat()).size, begun);
  try {
    const importer = new Importer(
      {
        store: new OperatorStore(database),
        ...{ sealer, clock, checkpoints, report, onProgress: progress.update },
      },
      { replace, lead: config.leadMs },
      begun,
    );
    const stream = source.createReadStream({ start: begun.offset, autoClose: false });
    const end = await importer.run(readLines(stream, begun));
    // A file that is done with: the next run begins at its first line, and finds every grant there.
    await checkpoints.remove();
    return { end, begun, ...progress.speed(end), report: report.path };
  } finally {
    progress.stop();
  }
}

/** A wrong key under the right id would be noticed only when users are refused their tokens. */
async function checkKeyring(grants: GrantStore, sealer: TokenSealer): Promise<void> {
  const [sample] = await grants.list({}, undefined, 1);
  if (!sample) return;
  try {
    sealer.open(sample.accessToken, 'access_token', sample);
  } catch (error) {
    if (!(error instanceof EncryptionError)) throw error;
    throw new OperatorError(
      'VAULT_KEYRING does not open what is in the database: use the vault’s.',
    );
  }
}

async function openFile(path: string): Promise<FileHandle> {
  try {
    if ((await stat(path)).isFile()) return await open(path);
  } catch {
    // Said below: why it cannot be opened makes no difference.
  }
  throw new OperatorError(`${path} cannot be read.`);
}

function show(file: string, { end, begun, seconds, rate, report }: Result, json?: boolean): void {
  const { tally } = end;
  const result = {
    file,
    ...tally,
    resumed_at_line: begun.line > 0 ? begun.line + 1 : null,
    seconds: Math.round(seconds * 1000) / 1000,
    lines_per_second: rate,
    rejected_report: tally.rejected > 0 ? report : null,
  };
  const lines = [
    `${tally.lines} lines: ${tally.imported} imported, ${tally.replaced} replaced, ` +
      `${tally.unchanged} imported before, ${tally.existing} left alone, ${tally.rejected} rejected.`,
    ...(begun.line > 0 ? [`Resumed at line ${begun.line + 1}.`] : []),
    `${seconds.toFixed(1)} s, ${rate} lines/s.`,
  ];
  print(json, result, lines);
  if (tally.rejected > 0) throw new OperatorError(`Rejected lines are listed in ${report}.`, true);
}
