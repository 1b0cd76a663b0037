/** Something that happens again and again, for who waits until it happens next. */
export class Signal {
  private readonly waiting: (() => void)[] = [];

  /** @returns once {@link happened} is called next */
  next(): Promise<void> {
    return new Promise((resolve) => {
      this.waiting.push(resolve);
    });
  }

  happened(): void {
    for (const resolve of this.waiting.splice(0)) resolve();
  }
}
