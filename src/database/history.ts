import { Inject, Injectable } from '@nestjs/common';
import { Log } from '../common/index.js';
import { journalConfig } from '../config/index.js';
import type { ConfigType } from '../config/index.js';
import { PROBE_TIMEOUT_MS } from './data-source.js';
import type { Query } from './connections.js';
import { forgetReplicas, readHistory } from './history.store.js';
import type { HistoryState } from './history.store.js';
import { ASKED, GIVEN_BACK, HistoryQuestion, OPEN, REPEATED } from './history-question.js';
import { reportStep } from './history-report.js';
import { HistoryRestorers } from './history-restorers.js';
import type { HistoryPhase, HistoryStep, Restorer } from './history-restorers.js';
import { KnownReplicas } from './known-replicas.js';
import { OwnWriting } from './own-writing.js';
import { ProcessId } from './process-id.js';

/** Why no refresh token is presented: the database is a copy, or has lost more than is remembered. */
export type HistoryPause = 'copy' | 'history_lost';

/**
 * Answers the question whether the database is still the one that this process wrote to, and all of
 * it. While this is not certain, the database counts as away. The process first writes anew what it
 * remembers, and then repeats the deletions. After each of the two steps it waits for all processes
 * that worked with the database before. Only then is a row served or a refresh token presented.
 */
@Injectable()
export class History {
  /** Called when the database must not be worked with for now. */
  onQuestion: () => void = () => undefined;
  /** When the oldest answer was asked for that is still to be written; undefined for none. */
  heldSince: () => number | undefined = () => undefined;
  /** Processes whose records this one has at hand. */
  inherited: () => ReadonlySet<string> = () => new Set();

  /**
   * Whether what is remembered may be written, asked until it is so: not before the keyring was
   * compared with the database. If the spool is that of another vault by mistake, its records would
   * be written into this database, and no other process could open them.
   */
  mayRestore: () => Promise<boolean> = () => Promise.resolve(true);

  private readonly restorers = new HistoryRestorers();
  private readonly replicas = new KnownReplicas();
  private readonly retention: number;
  private readonly own: OwnWriting;
  private stage = ASKED;
  private question: HistoryQuestion | undefined;
  /** What is lost of this process's writing, until that has been dealt with. */
  private owed = 0;
  private state: HistoryState | undefined;
  private steps = 0;
  private epochs = 0;

  constructor(
    @Inject(journalConfig.KEY) { commitRetentionMs }: ConfigType<typeof journalConfig>,
    private readonly process: ProcessId,
    private readonly log: Log,
  ) {
    this.retention = commitRetentionMs;
    this.own = new OwnWriting(process.value);
  }

  /** Has something written anew when the database has forgotten it. */
  onForgotten(phase: HistoryPhase, restorer: Restorer): void {
    this.restorers.add(phase, restorer);
  }

  /** Whether nothing is missing, so far as anybody knows. */
  get open(): boolean {
    return this.stage === OPEN;
  }

  /** The last beat that the database has confirmed: a claim asks for it. */
  get lastBeat(): number {
    return this.own.known?.beat ?? 0;
  }

  /** Changes whenever the database may have become another one. */
  get epoch(): number {
    return this.epochs;
  }

  /** How often the database had gone back, since the start. */
  get timesWentBack(): number {
    return this.steps;
  }

  /** Why no refresh token may be presented; undefined when nothing speaks against it. */
  get paused(): HistoryPause | undefined {
    const { state } = this;
    if (!state) return undefined;
    if (state.recordedOrigin !== null && state.recordedOrigin !== state.origin) return 'copy';
    return state.pausedReason === null ? undefined : 'history_lost';
  }

  /**
   * Whether what was obtained then may have been replaced by something that was lost with a history:
   * the provider's refusal then does not mean that the user withdrew the consent.
   *
   * @param obtainedAt milliseconds since the epoch
   */
  mayBeOutdated(obtainedAt: number): boolean {
    return obtainedAt < (this.state?.incompleteBefore ?? -Infinity);
  }

  /** Contact was lost: whatever comes back has to be asked. */
  lostContact(): void {
    if (this.stage === OPEN) this.replicas.lostContact();
    this.stage = ASKED;
    this.question = undefined;
    this.epochs += 1;
  }

  /**
   * Asks the question, once with every heartbeat. @returns whether the database may be worked with
   * @throws StorageUnavailableError also where it answers and takes no writes
   */
  async check(query: Query): Promise<boolean> {
    const found = await readHistory(query, this.process.value, PROBE_TIMEOUT_MS);
    if (!found) return this.withoutTables();
    this.state = found;
    if (this.stage === OPEN && this.own.isAllIn(found)) {
      await this.write(query, found.incarnation);
      this.replicas.settled(found.others);
      await forgetReplicas(query, this.replicas.ended(found.others));
      return true;
    }
    // Nothing works on its own account until then, and what is found wrong ends the process.
    if (this.stage !== OPEN && !(await this.mayRestore())) return true;
    return this.answer(query, found);
  }

  /** Whether a connection leads to the database that this process knows. */
  async recognises(query: Query): Promise<boolean> {
    const { known } = this.own;
    if (this.stage !== OPEN || !known) return true;
    const [row] = await query<{ incarnation: string }>(
      'SELECT stitch_incarnation() AS incarnation',
      [],
      PROBE_TIMEOUT_MS,
    );
    return row?.incarnation === known.incarnation;
  }

  /** Says that this process has ended in order; not while it holds what is still to be written. */
  async leave(query: Query): Promise<void> {
    if (this.own.known && this.heldSince() === undefined)
      await forgetReplicas(query, [this.process.value]);
  }

  /**
   * Not migrated: nothing works here, and nothing can be compared. Where this process has worked
   * before, somebody is about to restore the database, and it counts as away: rows that appear
   * during the restore must not be served before they were compared.
   */
  private withoutTables(): boolean {
    if (!this.own.known) return true;
    this.lostContact();
    this.onQuestion();
    return false;
  }

  private async answer(query: Query, found: HistoryState): Promise<boolean> {
    const { incarnation } = found;
    const isAnother = this.question?.incarnation !== incarnation;
    if (this.stage === OPEN || isAnother || this.own.isGoneFromTheSame(found)) {
      this.stage = ASKED;
      this.onQuestion();
      this.epochs += 1;
      this.begin(found);
    }
    // First of all: others see that this process is here, and is not done yet.
    await this.write(query, incarnation);
    if (this.stage === ASKED) {
      await this.restorers.run(['consents', 'rotations'], this.step);
      await this.reach(query, incarnation, GIVEN_BACK);
    }
    if (this.stage === GIVEN_BACK && !(await this.waitFor(query, GIVEN_BACK))) return false;
    if (this.stage === GIVEN_BACK) {
      // Not before: the version that is being rotated may have come from another process.
      await this.restorers.run(['leases', 'deletions', 'clients'], this.step);
      await this.reach(query, incarnation, REPEATED);
    }
    if (!(await this.waitFor(query, REPEATED))) return false;
    await this.conclude(query);
    await this.reach(query, incarnation, OPEN);
    return true;
  }

  private get step(): HistoryStep {
    return this.question?.step ?? { lost: 0, late: false };
  }

  private begin(found: HistoryState): void {
    this.owed = Math.max(this.owed, this.own.lackedBy(found));
    this.question = HistoryQuestion.about(found, this.owed, this.own, this.replicas);
    this.restorers.begin();
  }

  /** @returns whether all others who may remember something are this far */
  private async waitFor(query: Query, stage: number): Promise<boolean> {
    const state = await readHistory(query, this.process.value, PROBE_TIMEOUT_MS);
    const { question } = this;
    // It has changed once more, while this was waiting.
    if (!question || state?.incarnation !== question.incarnation) return false;
    if (this.own.isGoneFromTheSame(state)) return false;
    this.state = state;
    const awaited = { stage, inherited: this.inherited() };
    if (question.isAwaiting(state, awaited)) return false;
    await forgetReplicas(query, question.takenOver(state, awaited));
    return true;
  }

  /** Says what was found, and stops the refresher where more is lost than anybody remembers. */
  private async conclude(query: Query): Promise<void> {
    const { question, state, restorers } = this;
    if (!question || !state) return;
    const { lost } = question.step;
    const absent = question.absent(state, { stage: REPEATED, inherited: this.inherited() });
    const taken = { lost, retention: this.retention, restorers, absent };
    const { wentBack, incomplete } = await reportStep(query, this.log, taken);
    if (wentBack) this.steps += 1;
    if (incomplete) this.state = await readHistory(query, this.process.value, PROBE_TIMEOUT_MS);
    if (this.paused === 'copy') {
      this.log.event('error', 'database.is_a_copy', { run: 'npm run vault -- adopt' });
    }
  }

  private async reach(query: Query, incarnation: string, stage: number): Promise<void> {
    this.stage = stage;
    try {
      await this.write(query, incarnation);
    } catch (error) {
      this.stage = ASKED;
      throw error;
    }
    if (stage !== OPEN) return;
    this.question = undefined;
    this.owed = 0;
    this.replicas.settled(this.state?.others ?? []);
  }

  private write(query: Query, incarnation: string): Promise<void> {
    const { stage } = this;
    const heldSince = this.heldSince();
    return this.own.write(query, { incarnation, stage, open: stage === OPEN, heldSince });
  }
}
