import type { GuardedProvider } from '../providers/index.js';
import { GrantRefresher } from '../tokens/index.js';
import type { Grant } from '../grants/index.js';
import type { RefreshDemand, RefreshOutcome } from '../tokens/index.js';
import { Backlog } from './backlog.js';
import type { BacklogDependencies } from './backlog.js';
import { OnDemandRefresh } from './on-demand-refresh.js';
import type { OnDemandDependencies, OnDemandSettings } from './on-demand-refresh.js';
import { InFlightRotations } from './in-flight-rotations.js';
import type { InFlightSettings } from './in-flight-rotations.js';

/** What the refresher works with; the simulation brings its own. */
export type RefresherDependencies = OnDemandDependencies & BacklogDependencies;
export type RefresherSettings = OnDemandSettings & InFlightSettings;

/**
 * Decides which grants are rotated when: those somebody waits for, and those that are due. Both
 * ways lead through a claim in the database, so that any number of readers, replicas and ticks
 * cause one call per rotation.
 */
export class Refresher extends GrantRefresher {
  private readonly inFlight: InFlightRotations;
  private readonly onDemand: OnDemandRefresh;
  private readonly backlog: Backlog;

  constructor(
    private readonly dependencies: RefresherDependencies,
    settings: RefresherSettings,
  ) {
    super();
    this.inFlight = new InFlightRotations(settings);
    this.onDemand = new OnDemandRefresh(dependencies, settings, this.inFlight);
    this.backlog = new Backlog(dependencies, settings.policy, this.inFlight);
  }

  /** Rotations and demands under way. */
  get active(): number {
    return this.inFlight.active + this.onDemand.size;
  }

  override refresh(grant: Grant, demand: RefreshDemand): Promise<RefreshOutcome> {
    return this.onDemand.refresh(grant, demand);
  }

  /** Rotates what is due now, of one provider, as fast as its limit allows; returns when done. */
  runDue(guarded: GuardedProvider): Promise<void> {
    return this.backlog.run(guarded);
  }

  /** Starts nothing new from the schedule. */
  stop(): void {
    this.inFlight.stop();
  }

  /** Waits, for so many milliseconds at most, until nothing is under way any more. */
  async drain(patience: number): Promise<void> {
    this.stop();
    await this.inFlight.drain(() => this.active === 0, patience, this.dependencies.clock);
  }
}
