import type { SchedulerRegistry } from '@nestjs/schedule';
import type { BackgroundWork } from './background-work.js';

/** A task that is done at an interval, once at a time. It handles its own errors. */
export class RecurringWork implements BackgroundWork {
  private running: Promise<void> | undefined;
  private readonly stopping = new AbortController();

  constructor(
    private readonly registry: SchedulerRegistry,
    private readonly name: string,
    private readonly everyMs: number,
    private readonly task: (signal: AbortSignal) => Promise<void>,
  ) {}

  start(): void {
    const timer = setInterval(() => void this.run(), this.everyMs);
    this.registry.addInterval(this.name, timer);
  }

  stop(): void {
    this.stopping.abort();
    if (this.registry.doesExist('interval', this.name)) this.registry.deleteInterval(this.name);
  }

  async drain(): Promise<void> {
    await this.running;
  }

  private run(): Promise<void> {
    this.running ??= this.task(this.stopping.signal).finally(() => {
      this.running = undefined;
    });
    return this.running;
  }
}
