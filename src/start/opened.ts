import type { Log } from '../common/index.js';

/** What a start has opened so far: closed in the reverse order, whatever one of them says. */
export class Opened {
  private readonly closers: (() => unknown)[] = [];

  constructor(private readonly log: Log) {}

  /** @param close closes it; may be asked once only */
  add(close: () => unknown): void {
    this.closers.push(close);
  }

  /** Closes all of it; what can't be closed is logged and does not keep the others open. */
  async close(): Promise<void> {
    for (let close = this.closers.pop(); close; close = this.closers.pop()) {
      try {
        await close();
      } catch (error) {
        this.log.failure('vault.close_failed', error);
      }
    }
  }
}
