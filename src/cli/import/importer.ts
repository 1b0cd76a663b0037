import { StorageUnavailableError } from '../../common/index.js';
import type { Clock } from '../../common/index.js';
import { grantKeyText, refreshDueAt } from '../../grants/index.js';
import type {
  ImportCounts,
  ImportedGrant,
  OperatorStore,
  TokenSealer,
} from '../../grants/index.js';
import type { Checkpoint, CheckpointFile, Tally } from './checkpoint.js';
import type { Line } from './lines.js';
import { LineError, parseLine } from './parse-line.js';
import type { LineGrant } from './parse-line.js';
import type { RejectedLine, RejectionReport } from './report.js';

/** Grants in one transaction, and the bytes of their lines at most. */
const BATCH = 1000;
const BATCH_BYTES = 8_388_608;
/** Milliseconds for which a database that is away is waited for, and between two attempts. */
const PATIENCE_MS = 30_000;
const RETRY_MS = 500;

/** Lines that are committed together. */
class Batch {
  readonly grants = new Map<string, ImportedGrant>();
  readonly rejected: RejectedLine[] = [];
  lines = 0;
  bytes = 0;
  constructor(public end: Pick<Checkpoint, 'offset' | 'line'>) {}

  get full(): boolean {
    return this.grants.size >= BATCH || this.lines >= 10 * BATCH || this.bytes >= BATCH_BYTES;
  }
}

interface ImporterDependencies {
  readonly store: Pick<OperatorStore, 'import'>;
  readonly sealer: Pick<TokenSealer, 'seal'>;
  readonly clock: Clock;
  readonly checkpoints: Pick<CheckpointFile, 'save'>;
  readonly report: Pick<RejectionReport, 'append' | 'bytes'>;
  readonly onProgress: (checkpoint: Checkpoint) => void;
}

interface ImporterSettings {
  readonly replace: boolean;
  /** Milliseconds before expiry at which a grant is due. */
  readonly lead: number;
}

/**
 * Imports lines in batches: first the rows are committed, then the report and the checkpoint are
 * flushed. A crash in between repeats a batch, and its rows are known by their ids. While one batch
 * is being written the next is read and sealed.
 */
export class Importer {
  private committing: Promise<void> = Promise.resolve();

  constructor(
    private readonly dependencies: ImporterDependencies,
    private readonly settings: ImporterSettings,
    private checkpoint: Checkpoint,
  ) {}

  /** @throws StorageUnavailableError when the database stays away; what is committed stays so */
  async run(lines: AsyncIterable<Line>): Promise<Checkpoint> {
    let batch = new Batch(this.checkpoint);
    for await (const line of lines) {
      const read = this.read(line);
      const name = read && 'userId' in read ? grantKeyText(read) : '';
      // One statement cannot write a row twice.
      if (batch.full || batch.grants.has(name)) {
        await this.pass(batch);
        batch = new Batch(batch.end);
      }
      if (read) {
        batch.lines += 1;
        batch.bytes += line.bytes?.length ?? 0;
        if ('userId' in read) batch.grants.set(name, this.seal(read));
        else batch.rejected.push({ line: line.number, error: read });
      }
      batch.end = { offset: line.end, line: line.number };
    }
    await this.pass(batch);
    await this.committing;
    return this.checkpoint;
  }

  /** Validates a line. @returns undefined for a blank one, which is stepped over */
  private read({ number, bytes }: Line): LineGrant | LineError | undefined {
    if (!bytes) return new LineError(null, 'is too long');
    const content = trim(bytes, number);
    if (content.length === 0) return undefined;
    try {
      return parseLine(content, this.dependencies.clock.now());
    } catch (error) {
      if (error instanceof LineError) return error;
      throw error;
    }
  }

  private seal(grant: LineGrant): ImportedGrant {
    const { accessToken, refreshToken, ...rest } = grant;
    const { sealer } = this.dependencies;
    const due = refreshDueAt(grant, this.settings.lead);
    const { grantId, scopes } = grant;
    const consent = { grantId, scopes, confirmed: true };
    return {
      ...rest,
      // Nothing, until the first refresh: it counts as expired, so nobody is served it.
      accessToken: sealer.seal(accessToken ?? '', 'access_token', grant, consent),
      refreshToken:
        refreshToken === null ? null : sealer.seal(refreshToken, 'refresh_token', grant, consent),
      // A grant that can't be refreshed is looked at when it dies.
      refreshDueAt: refreshToken === null ? grant.expiresAt : due,
    };
  }

  /** Hands a batch over to be committed, when the one before has been. */
  private async pass(batch: Batch): Promise<void> {
    await this.committing;
    this.committing = this.commit(batch);
    // Whoever awaits it hears of the failure; until then it is nobody's unhandled rejection.
    this.committing.catch(() => undefined);
  }

  private async commit(batch: Batch): Promise<void> {
    const { report, checkpoints, onProgress } = this.dependencies;
    const grants = [...batch.grants.values()];
    const counts = grants.length > 0 ? await this.store(grants) : undefined;
    await report.append(batch.rejected);
    this.checkpoint = {
      ...batch.end,
      reportBytes: report.bytes,
      tally: add(this.checkpoint.tally, batch, counts),
    };
    await checkpoints.save(this.checkpoint);
    onProgress(this.checkpoint);
  }

  private async store(grants: readonly ImportedGrant[]): Promise<ImportCounts> {
    const { store, clock } = this.dependencies;
    const deadline = clock.now() + PATIENCE_MS;
    for (;;) {
      try {
        return await store.import(grants, this.settings.replace);
      } catch (error) {
        if (!(error instanceof StorageUnavailableError) || clock.now() > deadline) throw error;
        await clock.sleep(RETRY_MS);
      }
    }
  }
}

const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);

/** Without white space at its ends, and without the mark that some editors put before a file. */
function trim(bytes: Buffer, number: number): Buffer {
  let [start, end] = [0, bytes.length];
  if (number === 1 && bytes.subarray(0, 3).equals(BYTE_ORDER_MARK)) start = 3;
  const blank = (byte: number | undefined) => byte === 0x20 || byte === 0x09 || byte === 0x0d;
  while (start < end && blank(bytes[start])) start += 1;
  while (end > start && blank(bytes[end - 1])) end -= 1;
  return bytes.subarray(start, end);
}

const add = (tally: Tally, batch: Batch, counts: ImportCounts | undefined): Tally => ({
  lines: tally.lines + batch.lines,
  imported: tally.imported + (counts?.imported ?? 0),
  replaced: tally.replaced + (counts?.replaced ?? 0),
  unchanged: tally.unchanged + (counts?.unchanged ?? 0),
  existing: tally.existing + (counts?.existing ?? 0),
  rejected: tally.rejected + batch.rejected.length,
});
