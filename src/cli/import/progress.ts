import { SingleBar } from 'cli-progress';
import type { Checkpoint } from './checkpoint.js';

/** Shows how far an import is: on a terminal only, and on stderr, as stdout is the result's. */
export class Progress {
  private readonly bar: SingleBar | undefined;
  private readonly begun = Date.now();

  /** @param size bytes of the file */
  constructor(
    size: number,
    private readonly from: Checkpoint,
  ) {
    if (!process.stderr.isTTY) return;
    this.bar = new SingleBar({
      stream: process.stderr,
      format:
        '{bar} {percentage}% | {lines} lines | {rate} lines/s | {rejected} rejected | {eta_formatted}',
      hideCursor: true,
    });
    this.bar.start(size, from.offset, this.figures(from));
  }

  readonly update = (checkpoint: Checkpoint): void => {
    this.bar?.update(checkpoint.offset, this.figures(checkpoint));
  };

  stop(): void {
    this.bar?.stop();
  }

  /** Seconds since the beginning, and lines of this run for each of them. */
  speed(checkpoint: Checkpoint): { seconds: number; rate: number } {
    const seconds = Math.max(0.001, (Date.now() - this.begun) / 1000);
    const lines = checkpoint.tally.lines - this.from.tally.lines;
    return { seconds, rate: Math.round(lines / seconds) };
  }

  private figures(checkpoint: Checkpoint) {
    const { lines, rejected } = checkpoint.tally;
    return { lines, rejected, rate: this.speed(checkpoint).rate };
  }
}
