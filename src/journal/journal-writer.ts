import { join } from 'node:path';
import { makeDirectory } from '../common/index.js';
import { SegmentWriter, segmentName } from './segment.js';

/** Bytes after which a segment is followed by the next. */
const SEGMENT_SIZE = 16 * 1024 * 1024;
/** Milliseconds for which an answer waits for the disk before it goes on to the database. */
const FLUSH_PATIENCE_MS = 1000;

/** A line on its way to the disk. */
export interface Line {
  readonly text: string;
  /** Where it was put, before anything else happens. */
  readonly placed: (path: string, offset: number) => void;
  /** Whether it was written; called once it would outlast the machine. Undefined: nobody waits. */
  readonly done: ((written: boolean) => void) | undefined;
}

export interface WriterOptions {
  readonly directory: string;
  readonly writer: string;
  /** Milliseconds after which a segment is followed by the next. */
  readonly segmentAge: number;
  readonly monotonic: () => number;
  /** The file has this many bytes now. */
  readonly onGrowth: (path: string, size: number) => void;
  /** So many lines that somebody waits for could not be written, or not be flushed. */
  readonly onFailure: (step: 'write' | 'sync', error: unknown, lines: number) => void;
}

/**
 * Appends lines. What arrives in one turn of the event loop is one write, which outlasts the
 * process; what arrives while the disk is being flushed shares the next flush.
 */
export class JournalWriter {
  private segment: SegmentWriter | undefined;
  private segments = 0;
  private since = 0;
  private waiting: Line[] = [];
  private unflushed: { readonly segment: SegmentWriter; readonly done: () => void }[] = [];
  private flushing = false;

  constructor(private readonly options: WriterOptions) {}

  /** The file that is being appended to. */
  get path(): string | undefined {
    return this.segment?.path;
  }

  add(line: Line): void {
    this.waiting.push(line);
    if (this.waiting.length > 1) return;
    queueMicrotask(() => {
      this.write();
    });
  }

  /** Hands all that waits to the kernel, as one write. */
  write(): void {
    const lines = this.waiting;
    if (lines.length === 0) return;
    this.waiting = [];
    try {
      const segment = this.open();
      let offset = segment.size;
      segment.write(Buffer.from(lines.map(({ text }) => text).join(''), 'latin1'));
      for (const { text, placed, done } of lines) {
        placed(segment.path, offset);
        offset += text.length;
        if (!done) continue;
        segment.hold();
        this.unflushed.push({
          segment,
          done: () => {
            done(true);
          },
        });
      }
      this.options.onGrowth(segment.path, segment.size);
    } catch (error) {
      // Half a line may have been written: it ends its file, and the next group begins another.
      this.endSegment();
      const awaited = lines.filter(({ done }) => done);
      this.options.onFailure('write', error, awaited.length);
      for (const { done } of awaited) done?.(false);
    }
    if (!this.flushing && this.unflushed.length > 0) void this.flush();
  }

  /** Ends a segment whose time is over, also when nothing is written any more. */
  endOldSegment(): void {
    if (this.segment && this.options.monotonic() - this.since >= this.options.segmentAge) {
      this.endSegment();
    }
  }

  close(): void {
    this.write();
    this.endSegment();
  }

  private endSegment(): void {
    this.segment?.close();
    this.segment = undefined;
  }

  /** @throws what the disk says */
  private open(): SegmentWriter {
    this.endOldSegment();
    if (this.segment && this.segment.size < SEGMENT_SIZE) return this.segment;
    this.endSegment();
    const { directory, writer } = this.options;
    // Somebody may have cleared it away.
    makeDirectory(directory, 0o700);
    this.segments += 1;
    const path = join(directory, segmentName(writer, this.segments));
    this.segment = new SegmentWriter(path, directory);
    this.since = this.options.monotonic();
    return this.segment;
  }

  private async flush(): Promise<void> {
    this.flushing = true;
    while (this.unflushed.length > 0) {
      const group = this.unflushed;
      this.unflushed = [];
      const segments = [...new Set(group.map(({ segment }) => segment))];
      const flushes = segments.map((segment) => segment.flush());
      const flushed = Promise.allSettled(flushes).then((ends) => {
        for (const { segment } of group) segment.release();
        const failure = ends.find((end) => end.status === 'rejected');
        if (failure) this.options.onFailure('sync', failure.reason, group.length);
      });
      await atMost(FLUSH_PATIENCE_MS, flushed);
      for (const { done } of group) done();
    }
    this.flushing = false;
  }
}

/** Waits for a promise, but no longer than so many milliseconds. */
async function atMost(milliseconds: number, promise: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const timeUp = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, milliseconds);
  });
  await Promise.race([promise, timeUp]);
  clearTimeout(timer);
}
