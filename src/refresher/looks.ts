import type { Clock } from '../common/index.js';

/** Milliseconds: looks are never closer together than this, whatever is due. */
const CLOSEST_MS = 50;
/** Milliseconds: what is due later than this is found by a regular look. */
const LONGEST_MS = 3_600_000;

/**
 * Looks for work whenever woken, and again when the look before said so. One at a time: a wake
 * during a look is followed by another.
 */
export class Looks {
  private next: AbortController | undefined;
  private looking = false;
  private again = false;
  private stopped = false;

  /** @param look never throws; returns milliseconds until the next look, Infinity for none */
  constructor(
    private readonly clock: Clock,
    private readonly look: () => Promise<number>,
  ) {}

  wake(): void {
    if (this.stopped) return;
    this.next?.abort();
    if (this.looking) this.again = true;
    else void this.run();
  }

  /** Starts no further look. */
  stop(): void {
    this.stopped = true;
    this.next?.abort();
  }

  private async run(): Promise<void> {
    this.looking = true;
    const wait = await this.look();
    this.looking = false;
    if (this.again) {
      this.again = false;
      this.wake();
    } else if (!this.stopped && wait <= LONGEST_MS) {
      this.next = callBack(this.clock, Math.max(CLOSEST_MS, wait), () => {
        this.wake();
      });
    }
  }
}

/** Calls back once after so many milliseconds, unless what it returns is aborted before. */
export function callBack(
  clock: Clock,
  milliseconds: number,
  callback: () => void,
): AbortController {
  const cancellation = new AbortController();
  void clock.sleep(milliseconds, cancellation.signal).then(
    () => {
      if (!cancellation.signal.aborted) callback();
    },
    () => undefined,
  );
  return cancellation;
}
