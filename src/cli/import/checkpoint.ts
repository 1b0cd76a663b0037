import { createHash } from 'node:crypto';
import { open, readFile, rename, rm } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { OperatorError } from '../session.js';

/** What has been done with the lines of a file so far. */
export interface Tally {
  readonly lines: number;
  readonly imported: number;
  readonly replaced: number;
  readonly unchanged: number;
  readonly existing: number;
  readonly rejected: number;
}

const NOTHING: Tally = {
  lines: 0,
  imported: 0,
  replaced: 0,
  unchanged: 0,
  existing: 0,
  rejected: 0,
};

/** Where an import stands: all before `offset` is committed and counted. */
export interface Checkpoint {
  /** Bytes from the start of the file. */
  readonly offset: number;
  /** Lines before that, empty ones as well. */
  readonly line: number;
  /** Bytes of the report of rejected lines that belong to it. */
  readonly reportBytes: number;
  readonly tally: Tally;
}

const START: Checkpoint = { offset: 0, line: 0, reportBytes: 0, tally: NOTHING };

/** Bytes before the offset that tell whether this still is the same file. */
const TAIL = 4096;

/** The file beside an import file that outlives a crash. */
export class CheckpointFile {
  constructor(
    private readonly path: string,
    private readonly source: FileHandle,
  ) {}

  /**
   * Where an earlier run stopped; the start when there was none.
   *
   * @throws OperatorError when the import file is not the one that it was
   */
  async load(): Promise<Checkpoint> {
    let text: string;
    try {
      text = await readFile(this.path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return START;
      throw new OperatorError(`${this.path} cannot be read.`);
    }
    const saved = parse(text);
    const tail = saved && (await this.tailHash(saved.checkpoint.offset));
    if (saved?.tail !== tail || !saved) {
      throw new OperatorError(
        `${this.path} is of another file, or the file was changed since. Begin anew with --restart: what was imported is found again.`,
      );
    }
    return saved.checkpoint;
  }

  /** Written aside, flushed and renamed: after a crash there is the old one or the new one. */
  async save(checkpoint: Checkpoint): Promise<void> {
    const tail = await this.tailHash(checkpoint.offset);
    const draft = `${this.path}.tmp`;
    const file = await open(draft, 'w', 0o600);
    try {
      await file.writeFile(`${JSON.stringify({ format: 1, tail, checkpoint })}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(draft, this.path);
    const directory = await open(dirname(this.path));
    await directory.sync().finally(() => directory.close());
  }

  async remove(): Promise<void> {
    await rm(this.path, { force: true });
  }

  private async tailHash(offset: number): Promise<string> {
    const length = Math.min(TAIL, offset);
    const buffer = Buffer.alloc(length);
    const { bytesRead } = await this.source.read(buffer, 0, length, offset - length);
    return createHash('sha256').update(buffer.subarray(0, bytesRead)).digest('hex');
  }
}

function parse(text: string): { tail: string; checkpoint: Checkpoint } | undefined {
  try {
    const saved = JSON.parse(text) as { format: number; tail: string; checkpoint: Checkpoint };
    const { offset, line, reportBytes, tally } = saved.checkpoint;
    const numbers = [
      offset,
      line,
      reportBytes,
      ...Object.keys(NOTHING).map((name) => tally[name as keyof Tally]),
    ];
    return saved.format === 1 && numbers.every((n) => Number.isSafeInteger(n) && n >= 0)
      ? saved
      : undefined;
  } catch {
    return undefined;
  }
}
