import type { DatabaseClock } from './database-clock.js';

/**
 * Does something once after each step back of the database's clock, also after those of the time before
 * this process: what was to happen at a time that the clock has shown already would wait until it shows it
 * once more.
 */
export class AfterStepBack {
  private doneAfter = 0;

  constructor(
    private readonly clock: Pick<DatabaseClock, 'stepsBack'>,
    private readonly task: () => Promise<void>,
  ) {}

  /** Whether there was a step back that it was not done after. */
  get isDue(): boolean {
    return this.clock.stepsBack > this.doneAfter;
  }

  /** Does it if it is due. @throws what the task throws; then it is still due */
  async run(): Promise<void> {
    const { stepsBack } = this.clock;
    if (stepsBack <= this.doneAfter) return;
    await this.task();
    this.doneAfter = stepsBack;
  }
}
