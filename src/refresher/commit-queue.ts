import { StorageUnavailableError } from '../common/index.js';
import type { Clock, Log } from '../common/index.js';
import { mayBeTakenLater } from '../database/index.js';
import type { CommitAttempt, CommitOutcome, GrantKey, RotationResult } from '../grants/index.js';
import type { Shelf } from '../journal/index.js';
import { UncommittedAnswers } from './uncommitted-answers.js';
import { BATCH, nextBatch } from './next-batch.js';
import { PutOffAnswers } from './put-off-answers.js';

/**
 * Milliseconds between the beginnings of two statements at least: answers that come within them share the
 * second. A statement costs both sides as much as several of its rows do, and a quick database would
 * get one for every few.
 */
const GATHERED_MS = 20;
/** Rotations that end in one turn of the event loop at most: what follows for each of them is done in it. */
const TOLD_AT_ONCE = 16;
/** Milliseconds between attempts while the database is away. */
const RETRY = 200;
/** Milliseconds to the first and between later attempts while somebody has a row locked. */
const LOCKED_BACKOFF = { first: 10, longest: 1000 };
/** The same while the database refuses an answer for something that is not in it. */
const REFUSED_BACKOFF = { first: 200, longest: 10_000 };

/** What the queue needs of the store. */
export interface Committer {
  commit(results: readonly RotationResult[]): Promise<CommitAttempt[]>;
}

/** What the queue needs of the journal. */
export type AnswerShelf = Pick<Shelf<RotationResult>, 'write' | 'settle' | 'discard' | 'setAside'>;

/** Milliseconds. */
interface Backoff {
  readonly first: number;
  readonly longest: number;
}

/** How an attempt ended: `refused` for something that is not in the answer, which may be taken later. */
export type RecoveryAttempt = CommitAttempt | { readonly kind: 'refused' };

interface Pending {
  readonly result: RotationResult;
  readonly entry: string | undefined;
  readonly resolve: (attempt: RecoveryAttempt) => void;
  readonly reject: (error: unknown) => void;
  /** How often its row was found locked, or it was refused, and its neighbours were not. */
  setApart: number;
  /** Whether whoever brought it wants to know that at once, and will bring it again. */
  readonly recovered: boolean;
}

/**
 * Answers of providers, on their way into the database. What arrives together is written together. An
 * answer is in the journal before anything else is tried with it and stays here until it is
 * committed, whatever keeps it from that: the refresh token it came for is spent.
 */
export class CommitQueue {
  private pending: Pending[] = [];
  private readonly putOff: PutOffAnswers;
  private readonly answers: UncommittedAnswers;
  private flushing = false;
  private stopping = false;
  private refusedSince: number | undefined;
  /** When the statement that is under way was sent. */
  private offeredAt: number | undefined;

  constructor(
    private readonly store: Committer,
    private readonly shelf: AnswerShelf,
    private readonly clock: Clock,
    private readonly log: Log,
    private readonly history: { readonly epoch: number } = { epoch: 0 },
  ) {
    this.answers = new UncommittedAnswers(clock);
    this.putOff = new PutOffAnswers(log);
  }

  /** Answers not committed yet. */
  get size(): number {
    return this.answers.size;
  }

  /** Milliseconds for which the oldest of them has waited. */
  get oldestMs(): number {
    return this.answers.oldestMs;
  }

  /**
   * Milliseconds for which the database has taken none of the waiting answers, by refusing them or by
   * keeping the statement waiting; 0 when it takes them.
   */
  get refusedForMs(): number {
    const since = this.refusedSince ?? this.offeredAt;
    return since === undefined ? 0 : Math.max(0, this.clock.now() - since);
  }

  /** Whether there is an answer for this grant that is not committed yet. */
  isUncommitted(key: GrantKey): boolean {
    return this.answers.has(key);
  }

  /** See {@link UncommittedAnswers.forbids}. */
  holds(grant: GrantKey & { readonly version: number }): boolean {
    return this.answers.forbids(grant);
  }

  /** Writes a result down and commits it. @returns once the database has decided, at whatever time */
  add(result: RotationResult): Promise<CommitOutcome> {
    // Before anything is waited for: a kill from here on does not lose it.
    return this.enqueue(result, this.shelf.write(result), false);
  }

  /** Commits what was found in the spool; where somebody has its row locked, or it is refused, that is the answer. */
  async recover(result: RotationResult, entry: string): Promise<RecoveryAttempt> {
    try {
      return await this.enqueue(result, Promise.resolve(entry), true);
    } finally {
      this.answers.wasRecovered(result);
    }
  }

  /** Tries to commit all that is here, and then leaves the rest to the spool. */
  async drain(patience: number): Promise<void> {
    const deadline = this.clock.now() + patience;
    while (this.size > 0 && this.clock.now() < deadline) await this.clock.sleep(10);
    this.stopping = true;
  }

  private enqueue(
    result: RotationResult,
    written: Promise<string | undefined>,
    recovered: false,
  ): Promise<CommitOutcome>;
  private enqueue(
    result: RotationResult,
    written: Promise<string>,
    recovered: true,
  ): Promise<RecoveryAttempt>;
  private enqueue(
    result: RotationResult,
    written: Promise<string | undefined>,
    recovered: boolean,
  ): Promise<RecoveryAttempt> {
    return this.answers.during(result, async () => {
      const entry = await written;
      return await new Promise<RecoveryAttempt>((resolve, reject) => {
        this.pending.push({ result, entry, resolve, reject, setApart: 0, recovered });
        if (!this.flushing) void this.flush();
      });
    });
  }

  private async flush(): Promise<void> {
    this.flushing = true;
    // A turn of the event loop lets answers that arrived together share a statement.
    await Promise.resolve();
    while (this.pending.length > 0 && !this.stopping) {
      const { batch, rest } = nextBatch(this.pending);
      this.pending = rest;
      const gathered = this.clock.sleep(GATHERED_MS);
      try {
        await this.commit(batch);
      } catch (error) {
        await this.setBack(batch, error);
      }
      if (this.pending.length < BATCH) await gathered;
    }
    // In the same turn as the check above: what is added from here on starts a new flush.
    this.flushing = false;
  }

  private async commit(batch: readonly Pending[]): Promise<void> {
    const attempts = await this.offer(batch);
    this.refusedSince = undefined;
    const decided: (() => void)[] = [];
    batch.forEach((item, index) => {
      const attempt = attempts[index];
      if (attempt?.kind === 'locked' && !item.recovered) void this.setApart(item, LOCKED_BACKOFF);
      else if (attempt) {
        this.settle(item, attempt);
        decided.push(() => {
          item.resolve(attempt);
        });
      }
    });
    void this.tell(decided);
  }

  /** Has rotations end, a few in each turn of the event loop: readers have the rest of it. */
  private async tell(decided: readonly (() => void)[]): Promise<void> {
    for (const [index, told] of decided.entries()) {
      if (index > 0 && index % TOLD_AT_ONCE === 0) await this.clock.sleep(0);
      told();
    }
  }

  private async offer(batch: readonly Pending[]): Promise<CommitAttempt[]> {
    this.offeredAt = this.clock.now();
    const { epoch } = this.history;
    try {
      const attempts = await this.store.commit(batch.map(({ result }) => result));
      // What was written may be gone with a database that went back meanwhile, and what is remembered
      // was compared without it. To write it once more changes nothing where it is still there.
      if (epoch !== this.history.epoch) throw new StorageUnavailableError();
      return attempts;
    } catch (error) {
      // From when it was sent: one that ran into its deadline was not taken all the while.
      this.refusedSince ??= this.offeredAt;
      throw error;
    } finally {
      this.offeredAt = undefined;
    }
  }

  /** Sets an answer apart that can't be written now: its neighbours go on without it. */
  private async setApart(item: Pending, { first, longest }: Backoff): Promise<void> {
    await this.clock.sleep(Math.min(longest, first * 2 ** item.setApart));
    item.setApart += 1;
    this.pending.push(item);
    if (!this.flushing) void this.flush();
  }

  /** What was committed is remembered for a while: the database may come back without it. */
  private settle({ entry }: Pending, attempt: CommitAttempt): void {
    this.putOff.forget(entry);
    if (attempt.kind === 'committed') this.shelf.settle(entry, attempt.version);
    else if (attempt.kind !== 'locked') this.shelf.discard(entry);
  }

  private async setBack(batch: Pending[], error: unknown): Promise<void> {
    if (error instanceof StorageUnavailableError) {
      this.pending.unshift(...batch);
      await this.clock.sleep(RETRY);
      return;
    }
    if (batch.length > 1) {
      // One bad row must not hold up its neighbours: find it by committing them one by one.
      for (const item of batch) await this.commitAlone(item);
      return;
    }
    const [item] = batch;
    if (item) this.refused(item, error);
  }

  private async commitAlone(item: Pending): Promise<void> {
    try {
      await this.commit([item]);
    } catch (error) {
      if (error instanceof StorageUnavailableError) this.pending.push(item);
      else this.refused(item, error);
    }
  }

  private refused(item: Pending, error: unknown): void {
    if (!mayBeTakenLater(error)) {
      this.refusedSince = undefined;
      this.giveUp(item, error);
      return;
    }
    const { entry, result, setApart } = item;
    this.putOff.tell({ entry, provider: result.provider, setApart }, error);
    // What was found is in the spool, and is brought again.
    if (item.recovered) item.resolve({ kind: 'refused' });
    else void this.setApart(item, REFUSED_BACKOFF);
  }

  private giveUp(item: Pending, error: unknown): void {
    this.putOff.forget(item.entry);
    this.shelf.setAside(item.entry, 'refused_by_database');
    this.log.failure('rotation.commit_refused', error, { provider: item.result.provider });
    item.reject(error);
  }
}
