import { constants, fstatSync, openSync, write } from 'node:fs';
import { Socket } from 'node:net';
import { isatty } from 'node:tty';

/** Bytes of lines that wait at most; what comes beyond them is dropped and counted. */
const BUFFER_BYTES = 4 * 1024 * 1024;
/** Bytes handed over in one piece. */
const CHUNK_BYTES = 64 * 1024;
/** Milliseconds until a write is tried again that the file or terminal did not take. */
const RETRY_MS = 250;

/** Hands bytes over. Calls back with what was taken; an error without `code` never occurs. */
type Sink = (
  bytes: Buffer,
  done: (error: NodeJS.ErrnoException | null, taken: number) => void,
) => void;

/**
 * Where log lines go: a file descriptor that may stall, be full or be gone without anybody else
 * noticing. Lines wait in a bounded buffer, one write is under way at a time, and no write blocks
 * the thread.
 *
 * Pipes and sockets are written by libuv, which makes them non-blocking. That matters for the end,
 * too: a write that blocks a thread of the pool would keep the process from exiting.
 */
export class LogOutput {
  private readonly lines: Buffer[] = [];
  private waitingBytes = 0;
  private droppedLines = 0;
  /** Dropped lines that no line has told of yet. */
  private untold = 0;
  private sink: Sink | undefined;
  private writing = false;
  private planned = false;
  private closed = false;
  private idle: (() => void)[] = [];

  /**
   * @param descriptor opened by whoever started the process
   * @param notice makes the line that tells how many lines were dropped, once there is room again
   */
  constructor(
    private readonly descriptor: number,
    private readonly notice: (dropped: number) => string,
    private readonly limitBytes = BUFFER_BYTES,
  ) {}

  /** Lines dropped since the start. */
  get dropped(): number {
    return this.droppedLines;
  }

  /** Takes one line with its line feed. Never throws and never waits. */
  write(line: string): void {
    const bytes = Buffer.from(line);
    if (this.closed || this.waitingBytes + bytes.length > this.limitBytes) {
      this.droppedLines += 1;
      this.untold += 1;
      return;
    }
    this.add(bytes);
    this.plan();
  }

  /** Waits until everything is written, and no longer than this. */
  flush(milliseconds: number): Promise<void> {
    this.next();
    if (this.closed || !this.writing) return Promise.resolve();
    return new Promise((resolve) => {
      const limit = setTimeout(resolve, milliseconds);
      this.idle.push(() => {
        clearTimeout(limit);
        resolve();
      });
    });
  }

  private add(bytes: Buffer): void {
    this.lines.push(bytes);
    this.waitingBytes += bytes.length;
  }

  /** Lines that are written together, as those of a batch of commits are, share a system call. */
  private plan(): void {
    if (this.planned || this.writing) return;
    this.planned = true;
    queueMicrotask(() => {
      this.planned = false;
      this.next();
    });
  }

  private next(): void {
    if (this.writing || this.closed) return;
    if (this.untold > 0 && this.waitingBytes < this.limitBytes / 2) {
      this.add(Buffer.from(this.notice(this.untold)));
      this.untold = 0;
    }
    let size = 0;
    let count = 0;
    while (count < this.lines.length && (count === 0 || size < CHUNK_BYTES)) {
      size += this.lines[count]?.length ?? 0;
      count += 1;
    }
    if (count === 0) {
      for (const done of this.idle.splice(0)) done();
      return;
    }
    this.writing = true;
    this.hand(Buffer.concat(this.lines.splice(0, count)));
  }

  /** Writes a piece to its end, however many tries that takes. */
  private hand(bytes: Buffer): void {
    try {
      this.sink ??= openSink(this.descriptor);
    } catch {
      this.close();
      return;
    }
    this.sink(bytes, (error, taken) => {
      this.waitingBytes -= taken;
      const rest = bytes.subarray(taken);
      if (error && isFinal(error)) this.close();
      else if (error)
        setTimeout(() => {
          this.hand(rest);
        }, RETRY_MS).unref();
      else if (rest.length > 0) this.hand(rest);
      else {
        this.writing = false;
        this.next();
      }
    });
  }

  /** Nobody will read any more: what waits is dropped, and so is what is still to come. */
  private close(): void {
    this.closed = true;
    this.droppedLines += this.lines.length + 1;
    this.lines.length = 0;
    this.waitingBytes = 0;
    for (const done of this.idle.splice(0)) done();
  }
}

/** Whether another try is in vain: the reader is gone, or there is no such descriptor. */
const isFinal = ({ code = '' }: NodeJS.ErrnoException): boolean =>
  ['EPIPE', 'ECONNRESET', 'EBADF', 'ERR_STREAM_DESTROYED', 'ERR_STREAM_WRITE_AFTER_END'].includes(
    code,
  );

/** @throws when the descriptor is not open */
function openSink(descriptor: number): Sink {
  const kind = fstatSync(descriptor);
  if (kind.isFIFO() || kind.isSocket()) return socketSink(descriptor);
  return fileSink(isatty(descriptor) ? reopened(descriptor) : descriptor);
}

/**
 * A failed write leaves the descriptor open: what is opened next would get its number, and all that
 * anybody still prints.
 */
class OutputSocket extends Socket {
  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    callback(error);
  }
}

function socketSink(descriptor: number): Sink {
  const socket = new OutputSocket({ fd: descriptor, readable: false, writable: true });
  // A failed write says so itself.
  socket.on('error', () => undefined);
  // The log does not keep the process alive: whoever ends the process waits for the log, but not
  // long.
  socket.unref();
  return (bytes, done) => {
    socket.write(bytes, (error) => {
      done(error ?? null, error ? 0 : bytes.length);
    });
  };
}

const fileSink =
  (descriptor: number): Sink =>
  (bytes, done) => {
    write(descriptor, bytes, 0, bytes.length, null, done);
  };

/** A terminal that was stopped (Ctrl-S) answers EAGAIN instead of blocking when it is opened so. */
function reopened(descriptor: number): number {
  try {
    const { O_NOCTTY, O_NONBLOCK, O_WRONLY } = constants;
    return openSync(`/dev/fd/${descriptor}`, O_WRONLY | O_NONBLOCK | O_NOCTTY);
  } catch {
    return descriptor;
  }
}
