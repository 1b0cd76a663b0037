/**
 * Lets so many go on in each turn of the event loop, and the others in the turns after it, in their order.
 * What comes in one turn, such as the answers to dozens of calls, would otherwise be worked off in that turn, while
 * everybody else waits for its end.
 */
export class Turnstile {
  private passed = 0;
  private readonly waiting: (() => void)[] = [];

  constructor(private readonly perTurn: number) {}

  /** Resolves when it is one's turn. */
  pass(): Promise<void> {
    if (this.waiting.length > 0 || this.passed >= this.perTurn) {
      return new Promise((resolve) => this.waiting.push(resolve));
    }
    this.passed += 1;
    if (this.passed === 1) setImmediate(this.turn);
    return Promise.resolve();
  }

  private readonly turn = (): void => {
    const next = this.waiting.splice(0, this.perTurn);
    this.passed = next.length;
    if (next.length > 0) setImmediate(this.turn);
    for (const goOn of next) goOn();
  };
}
