import { closeSync, fdatasync, fsyncSync, openSync, readSync, statSync, writeSync } from 'node:fs';
import { promisify } from 'node:util';

const flush = promisify(fdatasync);
const SEGMENT = /^([0-9a-f-]{36})-(\d{6,})\.journal$/;

/** The name of a process's n-th segment. */
export const segmentName = (writer: string, number: number): string =>
  `${writer}-${String(number).padStart(6, '0')}.journal`;

/** The process that writes a segment. @returns undefined for a file that is no segment */
export const writerOf = (name: string): string | undefined => SEGMENT.exec(name)?.[1];

/** Where a line stands. */
interface LinePlace {
  readonly path: string;
  readonly offset: number;
  readonly length: number;
}

/** A segment that this process appends to. */
export class SegmentWriter {
  /** Bytes written. */
  size = 0;
  private readonly file: number;
  private closing = false;
  private holders = 0;

  /** Creates the file and makes its name outlast the machine. @throws what the disk says */
  constructor(
    readonly path: string,
    directory: string,
  ) {
    this.file = openSync(path, 'ax', 0o600);
    const folder = openSync(directory, 'r');
    try {
      fsyncSync(folder);
    } finally {
      closeSync(folder);
    }
  }

  /** Hands bytes to the kernel: from here on a kill of the process does not lose them. */
  write(bytes: Buffer): void {
    for (let done = 0; done < bytes.length;) {
      const written = writeSync(this.file, bytes, done, bytes.length - done);
      done += written;
      this.size += written;
    }
  }

  /** Keeps the file open, whoever closes it, until {@link release}: somebody is going to flush it. */
  hold(): void {
    this.holders += 1;
  }

  release(): void {
    this.holders -= 1;
    this.closeIfIdle();
  }

  /** Makes all that was written so far outlast the machine. Only for one who holds it. */
  flush(): Promise<void> {
    return flush(this.file);
  }

  /** Closes the file, once nobody holds it. */
  close(): void {
    this.closing = true;
    this.closeIfIdle();
  }

  /** Once: the number may be another file's, or a connection's, a moment later. */
  private closeIfIdle(): void {
    if (!this.closing || this.holders > 0) return;
    this.closing = false;
    closeSync(this.file);
  }
}

/** A line of a segment, as it stands there. @throws what the disk says */
export const textAt = ({ path, offset, length }: LinePlace): string =>
  readPart(path, offset, length).toString('latin1');

/** Part of a file, as much of it as there is. @throws what the disk says */
function readPart(path: string, offset: number, length: number): Buffer {
  const file = openSync(path, 'r');
  try {
    const bytes = Buffer.alloc(length);
    let done = 0;
    while (done < length) {
      const count = readSync(file, bytes, done, length - done, offset + done);
      if (count === 0) break;
      done += count;
    }
    return bytes.subarray(0, done);
  } finally {
    closeSync(file);
  }
}

/** Whole lines of a file from an offset on, without their ends. @throws what the disk says */
export function readLines(
  path: string,
  from: number,
): readonly { readonly text: string; readonly offset: number }[] {
  const { size } = statSync(path);
  if (size <= from) return [];
  const bytes = readPart(path, from, size - from);
  // A last line without an end is being written, or its writer was killed: nobody was told of it.
  const end = bytes.lastIndexOf(0x0a);
  if (end < 0) return [];
  let offset = from;
  return bytes
    .toString('latin1', 0, end)
    .split('\n')
    .map((text) => {
      const line = { text, offset };
      offset += text.length + 1;
      return line;
    });
}
