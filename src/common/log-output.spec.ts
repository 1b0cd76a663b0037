import { execFileSync } from 'node:child_process';
import {
  closeSync,
  constants,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LogOutput } from './log-output.js';

const LINE = `${'x'.repeat(999)}\n`;

describe('where log lines go', () => {
  let directory: string;
  let descriptor: number;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'stitch-vault-log-'));
  });
  afterEach(() => {
    // The descriptor stays open, as that of a process does: a write may still be tried again, and
    // must not reach whatever is opened next under its number.
    rmSync(directory, { recursive: true });
  });

  const fifo = () => {
    const path = join(directory, 'pipe');
    execFileSync('mkfifo', [path]);
    return path;
  };
  const output = (limit?: number) =>
    new LogOutput(descriptor, (count) => `dropped ${String(count)}\n`, limit);

  it('writes every line, in order, to a file', async () => {
    const path = join(directory, 'file');
    descriptor = openSync(path, 'w');
    const log = output();
    for (let i = 0; i < 500; i += 1) log.write(`line ${String(i)}\n`);
    await log.flush(5000);
    const expected = Array.from({ length: 500 }, (_, i) => `line ${String(i)}\n`).join('');
    expect(readFileSync(path, 'utf8')).toBe(expected);
    expect(log.dropped).toBe(0);
  });

  it('keeps a bounded number of lines for a reader that has stopped, and says what is missing', async () => {
    const path = fifo();
    // Both ends at once, so that nobody waits for a reader, who reads when the test does.
    descriptor = openSync(path, 'r+');
    const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const log = output(200_000);
    for (let i = 0; i < 1000; i += 1) log.write(LINE);
    const { dropped } = log;
    // The pipe holds 64 KiB or a few pages more, the buffer 200 lines.
    expect(dropped).toBeGreaterThan(700);
    const begun = performance.now();
    await log.flush(50);
    expect(performance.now() - begun).toBeLessThan(5000);

    const read: string[] = [];
    const drain = setInterval(() => {
      const buffer = Buffer.alloc(65_536);
      try {
        read.push(buffer.toString('latin1', 0, readSync(reader, buffer)));
      } catch (error) {
        expect((error as NodeJS.ErrnoException).code).toBe('EAGAIN');
      }
    }, 1);
    await log.flush(10_000);
    log.write('last\n');
    await log.flush(10_000);
    await new Promise((resolve) => setImmediate(resolve));
    while (!read.join('').endsWith('last\n'))
      await new Promise((resolve) => setTimeout(resolve, 1));
    clearInterval(drain);
    closeSync(reader);
    const lines = read.join('').split('\n');
    expect(lines.filter((line) => line.length === 999)).toHaveLength(1000 - dropped);
    expect(lines).toContain(`dropped ${String(dropped)}`);
  });

  it('waits for a full disk no longer than it is told to, and keeps what it has room for', async () => {
    descriptor = openSync('/dev/full', 'w');
    const log = output(10_000);
    for (let i = 0; i < 30; i += 1) log.write(LINE);
    await log.flush(50);
    expect(log.dropped).toBe(20);
  });

  it('drops everything once nobody will ever read it', async () => {
    const path = fifo();
    const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    descriptor = openSync(path, 'w');
    closeSync(reader);
    const log = output();
    log.write(LINE);
    await log.flush(5000);
    log.write(LINE);
    expect(log.dropped).toBe(2);
  });
});
