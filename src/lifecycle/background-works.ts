import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { SchedulerRegistry } from '@nestjs/schedule';
import { Log } from '../common/index.js';
import type { BackgroundWork, DrainTime } from './background-work.js';
import { RecurringWork } from './recurring-work.js';

/**
 * All that this process does although no request asks for it. Whoever does such work adds it here,
 * and does not begin by itself. Before the keyring was compared, a wrong key could damage what a
 * right one sealed; and a start that fails must not have spent a refresh token.
 */
@Injectable()
export class BackgroundWorks {
  private readonly works: Readonly<Record<DrainTime, BackgroundWork[]>> = {
    'with-requests': [],
    'after-requests': [],
  };
  private state: 'waiting' | 'working' | 'stopped' = 'waiting';
  /** Monotonic time. */
  private stoppedAt = Infinity;

  constructor(
    private readonly registry: SchedulerRegistry,
    private readonly log: Log,
  ) {}

  /** Adds a work. Called while the application is put together, before {@link start}. */
  add(work: BackgroundWork, drained: DrainTime = 'with-requests'): void {
    this.works[drained].push(work);
  }

  /**
   * Adds a task that is done at an interval, once at a time.
   *
   * @param task handles its own errors; its signal is aborted when it should come to an end
   */
  every(
    name: string,
    everyMs: number,
    task: (signal: AbortSignal) => Promise<void>,
    drained: DrainTime = 'with-requests',
  ): void {
    this.add(this.recurring(name, everyMs, task), drained);
  }

  /** A task that is done at an interval, for a work that is added as a whole. */
  recurring(
    name: string,
    everyMs: number,
    task: (signal: AbortSignal) => Promise<void>,
  ): BackgroundWork {
    return new RecurringWork(this.registry, name, everyMs, task);
  }

  /** Begins all works, once; nothing after {@link stop}. */
  start(): void {
    if (this.state !== 'waiting') return;
    this.state = 'working';
    for (const work of this.all) work.start();
  }

  get stopped(): boolean {
    return this.state === 'stopped';
  }

  /** Has all works take nothing more up. */
  stop(): void {
    if (this.stopped) return;
    this.state = 'stopped';
    this.stoppedAt = performance.now();
    for (const work of this.all) work.stop();
  }

  /**
   * Waits for what is under way.
   *
   * @param withinMs after {@link stop}, at the latest; what is not done by then is left as a kill
   *   leaves it
   */
  async drain(which: DrainTime, withinMs: number): Promise<void> {
    const late = new AbortController();
    const drained = Promise.allSettled(this.works[which].map((work) => work.drain()));
    const leftMs = Math.max(0, this.stoppedAt + withinMs - performance.now());
    const deadline = delay(leftMs, undefined, { signal: late.signal }).catch(() => undefined);
    const ends = await Promise.race([drained, deadline]);
    late.abort();
    for (const end of ends ?? []) {
      if (end.status === 'rejected') this.log.failure('work.drain_failed', end.reason);
    }
  }

  private get all(): readonly BackgroundWork[] {
    return [...this.works['with-requests'], ...this.works['after-requests']];
  }
}
