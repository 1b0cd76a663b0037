import { performance } from 'node:perf_hooks';
import { Injectable } from '@nestjs/common';
import type {
  BeforeApplicationShutdown,
  OnApplicationShutdown,
  OnModuleInit,
} from '@nestjs/common';
import { Log, StorageUnavailableError, describeError } from '../common/index.js';
import type { ClockStep } from './clock-steps.js';
import { noteClockStep, readClockSteps } from './clock-steps.store.js';
import { DatabaseClock } from './database-clock.js';
import type { Query } from './connections.js';
import { PROBE_TIMEOUT_MS } from './data-source.js';
import { Database } from './database.js';
import { History } from './history.js';
import { Notifications } from './notifications.js';
import { ProcessId } from './process-id.js';
import { RefusalNotes } from './refusal-notes.js';
import { moveSequencesForward } from './sequences.js';

/** Milliseconds between pulses while the database answers, and while it does not. */
const BEAT_MS = 1000;
const RETRY_MS = 250;
/** Beats from one look at the sequences to the next, while the database answers. */
const SEQUENCE_BEATS = 5;
/** Beats at which steps of the clock are read that others have noticed. */
const STEP_READS = 5;

/**
 * One small statement a second: it reads the database's clock, proves that the database answers
 * and that notifications arrive, and notices an outage well before a lease can run out in it.
 */
@Injectable()
export class DatabaseHeartbeat
  implements OnModuleInit, BeforeApplicationShutdown, OnApplicationShutdown
{
  private timer: NodeJS.Timeout | undefined;
  private beating: Promise<void> | undefined;
  private beatAt = -Infinity;
  private stopped = false;
  private first = true;
  private stepReads = 0;
  private beats = 0;
  /** Steps of the clock that are still to be written down. */
  private unnoted: ClockStep[] = [];

  constructor(
    private readonly database: Database,
    private readonly notifications: Notifications,
    private readonly clock: DatabaseClock,
    private readonly history: History,
    private readonly process: ProcessId,
    private readonly log: Log,
  ) {}

  async onModuleInit(): Promise<void> {
    const refusals = new RefusalNotes(this.log);
    this.database.onSuspicion((cause) => {
      refusals.note(cause);
      if (performance.now() - this.beatAt > RETRY_MS) void this.beat();
    });
    this.history.onQuestion = () => {
      this.database.lost();
    };
    this.clock.onStep((step) => {
      this.log.event('error', 'database.clock_stepped', { seconds: Math.round(step.by / 1000) });
      this.unnoted.push(step);
    });
    this.database.onConnection((query) => this.history.recognises(query));
    await this.beat();
  }

  /** Before the pool is closed, and after what is in flight was drained. */
  async beforeApplicationShutdown(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    await this.beating;
    await this.leave();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.notifications.close();
  }

  /** Has the others not wait for this process. */
  private async leave(): Promise<void> {
    if (!this.database.available) return;
    try {
      await this.history.leave(this.database.query);
    } catch (error) {
      // They wait for it then, for a while.
      this.log.event('info', 'database.not_left', { reason: describeError(error).message });
    }
  }

  private beat(): Promise<void> {
    if (this.stopped) return Promise.resolve();
    clearTimeout(this.timer);
    this.beating ??= this.check().finally(() => {
      this.beating = undefined;
      if (this.stopped) return;
      const wait = this.database.available ? BEAT_MS : RETRY_MS * (0.5 + Math.random());
      this.timer = setTimeout(() => void this.beat(), wait);
    });
    return this.beating;
  }

  /**
   * Has processes that begin later know of the clock's steps, and this one of those before its start:
   * for a few beats, as others need a moment to notice one. Without the rights to it a vault works on.
   */
  private async shareSteps(): Promise<void> {
    try {
      for (let step = this.unnoted[0]; step; step = this.unnoted[0]) {
        const noted = step;
        await this.database.transaction((query) => noteClockStep(query, this.process.value, noted));
        this.unnoted.shift();
      }
      if (this.stepReads < STEP_READS) {
        this.clock.learn(await readClockSteps(this.database.query, performance.now()));
        this.stepReads += 1;
      }
    } catch (error) {
      if (!this.database.available) return;
      this.unnoted = [];
      this.stepReads = STEP_READS;
      this.log.failure('database.clock_steps_unshared', error);
    }
  }

  private async lookAtSequences(query: Query): Promise<void> {
    const sequences = await moveSequencesForward(query, PROBE_TIMEOUT_MS);
    if (sequences.length > 0) this.log.event('warn', 'database.sequences_behind', { sequences });
  }

  private async check(): Promise<void> {
    const before = this.database.available;
    this.beats += 1;
    this.beatAt = performance.now();
    try {
      await this.database.probe(async (query) => {
        const asked = performance.now();
        const [row] = await query<{ now: number }>(
          `SELECT (extract(epoch FROM clock_timestamp()) * 1000)::numeric AS now,
             pg_notify($1, '')`,
          [this.notifications.heartbeatChannel],
          PROBE_TIMEOUT_MS,
        );
        if (row) this.clock.set(row.now, asked, performance.now());
        if (!before || this.beats % SEQUENCE_BEATS === 0) await this.lookAtSequences(query);
        return this.history.check(query);
      });
      await this.notifications.ensure();
      // It may be there and still be asked about its history.
      const there: boolean = this.database.available;
      if (there) await this.shareSteps();
      if (there && !before) this.log.event('info', 'database.connected');
    } catch (error) {
      const cause = error instanceof StorageUnavailableError ? error.cause : error;
      this.database.lost(cause);
      this.history.lostContact();
      if (before || this.first) {
        this.log.event('warn', 'database.lost', { reason: describeError(cause).message });
      }
    } finally {
      this.first = false;
    }
  }
}
