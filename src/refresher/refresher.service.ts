import type { GuardedProvider } from '../providers/index.js';
import { GrantRefresher } from '../tokens/index.js';
import type { Grant, RefreshDemand, RefreshOutcome } from '../tokens/index.js';
import { Backlog } from './backlog.js';
import type { BacklogDependencies } from './backlog.js';
import { Demands } from './demands.js';
import type { DemandDependencies, DemandSettings } from './demands.js';
import { Work } from './work.js';
import type { WorkSettings } from './work.js';

/** What the refresher works with; the simulation brings its own. */
export type RefresherDependencies = DemandDependencies & BacklogDependencies;
export type RefresherSettings = DemandSettings & WorkSettings;

/**
 * Decides which grants are rotated when: those somebody waits for, and those that are due. Both
 * ways lead through a claim in the database, so that any number of readers, replicas and ticks
 * cause one call per rotation.
 */
export class Refresher extends GrantRefresher {
  private readonly work: Work;
  private readonly demands: Demands;
  private readonly backlog: Backlog;

  constructor(
    private readonly dependencies: RefresherDependencies,
    settings: RefresherSettings,
  ) {
    super();
    this.work = new Work(settings);
    this.demands = new Demands(dependencies, settings, this.work);
    this.backlog = new Backlog(dependencies, settings.policy, this.work);
  }

  /** Rotations and demands under way. */
  get active(): number {
    return this.work.active + this.demands.size;
  }

  override refresh(grant: Grant, demand: RefreshDemand): Promise<RefreshOutcome> {
    return this.demands.meet(grant, demand);
  }

  /** Rotates what is due now, of one provider, as fast as its limit allows; returns when done. */
  runDue(guarded: GuardedProvider): Promise<void> {
    return this.backlog.run(guarded);
  }

  /** Starts nothing new from the schedule. */
  stop(): void {
    this.work.stopping = true;
  }

  /** Waits, for so many milliseconds at most, until nothing is under way any more. */
  async drain(patience: number): Promise<void> {
    this.stop();
    await this.work.drain(() => this.active === 0, patience, this.dependencies.clock);
  }
}
