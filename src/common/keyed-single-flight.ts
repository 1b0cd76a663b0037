/**
 * Runs at most one piece of work per key at a time; whoever asks meanwhile shares its result,
 * also its failure.
 */
export class KeyedSingleFlight<T> {
  private readonly running = new Map<string, Promise<T>>();

  get size(): number {
    return this.running.size;
  }

  run(key: string, work: () => Promise<T>): Promise<T> {
    const running = this.running.get(key);
    if (running) return running;
    const started = work().finally(() => this.running.delete(key));
    this.running.set(key, started);
    return started;
  }

  /** Resolves when all that runs now has ended, well or badly. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.running.values());
  }
}
