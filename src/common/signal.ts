/** Something that happens again and again, for who wants to hear of it. */
export class Signal {
  private readonly listeners = new Set<() => void>();

  /** Calls back whenever it happens. @returns a way to hear no more of it */
  on(callback: () => void): () => void {
    // Each call is one of its own, also where two give the same function.
    const listener = () => {
      callback();
    };
    this.listeners.add(listener);
    return () => {
      this.listeners.delete(listener);
    };
  }

  /** @returns once {@link happened} is called next */
  next(): Promise<void> {
    return new Promise((resolve) => {
      const end = this.on(() => {
        end();
        resolve();
      });
    });
  }

  happened(): void {
    for (const listener of this.listeners) listener();
  }
}
