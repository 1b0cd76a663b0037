import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import type { OnModuleInit } from '@nestjs/common';
import { Log, StorageUnavailableError } from '../common/index.js';
import { Database } from '../database/index.js';
import { BackgroundWorks } from '../lifecycle/index.js';
import type { BackgroundWork } from '../lifecycle/index.js';
import { Metrics } from '../metrics/index.js';
import { AuditMarker } from './audit-marker.js';
import { AuditSums } from './audit-sums.js';
import type { Countable, Tally } from './audit-sums.js';
import { ChainWriter } from './chain-writer.js';
import type { Batch } from './chain-writer.js';

/** Milliseconds between two writes: what a kill may lose, and a little room up to a second. */
const WRITE_EVERY_MS = 700;
/** Rows of one transaction. */
const BATCH = 2000;
/** Milliseconds between two heads in the log, and between two complaints. */
const SAY_EVERY_MS = 60_000;
/** How often a stopping process tries to write what is left. */
const LAST_ATTEMPTS = 3;
/** How often it tries to mark that while others write, and milliseconds between two tries. */
const LAST_LOOKS = 10;
const LAST_LOOK_MS = 20;

/**
 * What was read, refused and rejected. Summed in memory by whoever does it, written every moment:
 * no request waits for it, and while the database is away the sums grow within a bound.
 */
@Injectable()
export class AuditLog implements OnModuleInit, BackgroundWork {
  private readonly sums = new AuditSums();
  /** Taken out of the sums and not known to be written. */
  private batches: Batch[] = [];
  private writing: Promise<void> | undefined;
  private readonly recurring: BackgroundWork;
  private started = false;
  private headSaidAt = -Infinity;
  /** The newest head that was not logged. */
  private unsaidHead: string | undefined;
  private failureSaidAt = -Infinity;

  constructor(
    private readonly database: Database,
    private readonly writer: ChainWriter,
    private readonly marker: AuditMarker,
    private readonly log: Log,
    private readonly metrics: Metrics,
    works: BackgroundWorks,
  ) {
    this.recurring = works.recurring('write-audit', WRITE_EVERY_MS, () => this.run());
    works.add(this, 'after-requests');
  }

  onModuleInit(): void {
    this.metrics.value(
      'stitch_vault_audit_waiting',
      'Sums of audit events that are not written yet.',
      () => this.waiting,
    );
    this.metrics.value(
      'stitch_vault_audit_folded',
      'Audit events since the start that were summed without their grant, for want of room.',
      () => this.sums.folded,
    );
  }

  /** Notes an event; costs a look into a map, and never waits. */
  note(event: Countable, requestId: string | null = null): Tally | undefined {
    return this.sums.add(event, requestId);
  }

  /** Notes an event once more that was noted there. @returns false when it has to be noted anew */
  again(tally: Tally): boolean {
    return this.sums.again(tally);
  }

  start(): void {
    this.started = true;
    this.recurring.start();
  }

  stop(): void {
    // Nothing yet: requests under way are still to be counted, and written as long as they last.
  }

  /** Writes everything, says that this process is done, and writes no more; in bounded time. */
  async drain(): Promise<void> {
    this.recurring.stop();
    await this.writing;
    if (!this.started) return;
    for (let attempt = 0; attempt < LAST_ATTEMPTS; attempt += 1) {
      if (await this.finish()) return;
    }
    this.log.event('error', 'audit.unwritten', { sums: this.waiting });
  }

  private get waiting(): number {
    return this.batches.reduce((sum, { contents }) => sum + contents.length, this.sums.size);
  }

  private run(): Promise<void> {
    this.writing ??= this.writeAll()
      .catch((error: unknown) => {
        this.complain(error);
      })
      .finally(() => {
        this.writing = undefined;
      });
    return this.writing;
  }

  private async writeAll(): Promise<void> {
    // Statements would fail one by one: what comes meanwhile is summed.
    if (!this.database.available) return;
    await this.writer.prepare();
    await this.writeBatches();
    this.sayHead(await this.marker.run(performance.now()), false);
  }

  private async writeBatches(): Promise<void> {
    if (this.batches.length === 0) this.takeSums();
    for (let batch = this.batches[0]; batch; batch = this.batches[0]) {
      await this.writer.write(batch);
      this.batches.shift();
    }
  }

  private takeSums(): void {
    const taken = this.sums.take();
    for (let start = 0; start < taken.length; start += BATCH) {
      this.batches.push(this.writer.batchOf(taken.slice(start, start + BATCH)));
    }
  }

  /** @returns whether everything is written */
  private async finish(): Promise<boolean> {
    try {
      await this.writeBatches();
      if (this.sums.size > 0) await this.writeBatches();
      if (!this.writer.isOpen) return true;
      await this.writer.close();
      await this.sayLastHead();
      return true;
    } catch (error) {
      this.complain(error);
      return false;
    }
  }

  /**
   * A head that is kept elsewhere shows when the newest rows are taken away. What is too early to be
   * logged is logged later, or at the end.
   */
  private sayHead(head: string | undefined, now: boolean): void {
    this.unsaidHead = head ?? this.unsaidHead;
    if (this.unsaidHead === undefined) return;
    if (!now && performance.now() - this.headSaidAt < SAY_EVERY_MS) return;
    this.headSaidAt = performance.now();
    this.log.event('info', 'audit.head', { head: this.unsaidHead });
    this.unsaidHead = undefined;
  }

  /** Of replicas that end together, each is to leave a head of all that it wrote. */
  private async sayLastHead(): Promise<void> {
    for (let looks = 0; looks < LAST_LOOKS; looks += 1) {
      const head = await this.marker.run(performance.now(), true);
      if (head !== undefined || !this.marker.busy) {
        this.sayHead(head, true);
        return;
      }
      await delay(LAST_LOOK_MS);
    }
    this.sayHead(undefined, true);
  }

  private complain(error: unknown): void {
    if (error instanceof StorageUnavailableError) return;
    if (performance.now() - this.failureSaidAt < SAY_EVERY_MS) return;
    this.failureSaidAt = performance.now();
    this.log.failure('audit.failed', error);
  }
}
