import { KeyedSingleFlight, StorageUnavailableError, within } from '../common/index.js';
import type { Clock, ReauthorizationReason } from '../common/index.js';
import type { GuardedProvider, ProviderRegistry } from '../providers/index.js';
import { GrantRefresher, grantKeyText } from '../tokens/index.js';
import type {
  ClaimedGrant,
  Grant,
  GrantStore,
  Lease,
  RefreshDemand,
  RefreshOutcome,
  RotationStore,
} from '../tokens/index.js';
import type { CommitQueue } from './commit-queue.js';
import { decideRefresh } from './decide-refresh.js';
import type { RefreshPolicy } from './decide-refresh.js';
import type { Reinstatement } from './reinstatement.js';
import type { Rotation, RotationEnd } from './rotation.js';

/** Milliseconds between looks at a row that another replica works on: first and longest. */
const POLL = { first: 20, longest: 250 };
/** Milliseconds that a demand may take beyond one provider call. */
const PATIENCE = 2000;
/** Milliseconds between looks at whether everything has ended. */
const DRAIN_POLL = 10;
/** Milliseconds after which a caller may ask again about a provider that is switched off. */
const PROVIDER_OFF = 60_000;

/** What the refresher works with; the simulation brings its own. */
export interface RefresherDependencies {
  readonly store: Pick<RotationStore, 'claimDue' | 'claimOne' | 'release' | 'retire'>;
  readonly grants: Pick<GrantStore, 'load'>;
  readonly providers: Pick<ProviderRegistry, 'find' | 'all'>;
  readonly rotation: Pick<Rotation, 'rotate'>;
  readonly reinstatement: Pick<Reinstatement, 'check'>;
  readonly commits: Pick<CommitQueue, 'holds'>;
  readonly clock: Clock;
  readonly random: () => number;
  /** Whether leases that ran out may be taken over now. */
  readonly mayTakeOver: () => boolean;
  /** Hears of grants that only their user can revive. */
  readonly onRetired: (grant: Grant, reason: ReauthorizationReason) => void;
  /**
   * Hears of rotations that ended with an error. Where the database is the reason there is nothing
   * to do: the lease runs out by itself, and the grant is in doubt until then.
   */
  readonly onFailure: (error: unknown) => void;
}

export interface RefresherSettings {
  readonly owner: string;
  readonly policy: RefreshPolicy;
  /** Milliseconds. */
  readonly providerTimeout: number;
  readonly leaseDuration: number;
}

/**
 * Decides which grants are rotated when: those somebody waits for, and those that are due. Both
 * ways lead through a claim in the database, so that any number of readers, replicas and ticks
 * cause one call per rotation.
 */
export class Refresher extends GrantRefresher {
  private readonly demands = new KeyedSingleFlight<RefreshOutcome>();
  private readonly running = new Set<Promise<void>>();
  private stopping = false;
  private claiming = 0;
  private leases = 0;

  constructor(
    private readonly dependencies: RefresherDependencies,
    private readonly settings: RefresherSettings,
  ) {
    super();
  }

  /** Rotations and demands under way. */
  get active(): number {
    return this.running.size + this.demands.size + this.claiming;
  }

  override refresh(grant: Grant, demand: RefreshDemand): Promise<RefreshOutcome> {
    // Shared by all who saw the same token and want the same of it.
    const text = `${grantKeyText(grant)}\0${String(grant.version)}\0${String(demand.minTtl)}`;
    return this.demands.run(text, () => this.satisfy(grant, demand));
  }

  /** Rotates what is due now, of one provider, as fast as its limit allows; returns when done. */
  async runDue(guarded: GuardedProvider): Promise<void> {
    const { breaker, limit, provider } = guarded;
    while (!this.stopping && breaker.wait === 0) {
      const room = limit.roomForBacklog;
      // Claims are made by the handful: a statement for every place that falls free is too many.
      if (room > 0 && room < limit.handful && this.running.size > 0) {
        await Promise.race(this.running);
        continue;
      }
      // A provider that was down gets one call first, not a full load.
      const wanted = breaker.state === 'closed' ? room : Math.min(1, room);
      const claimed = wanted > 0 ? await this.claimDue(provider.name, wanted) : [];
      for (const grant of claimed) this.track(this.rotateClaimed(grant, guarded));
      if (wanted > 0 && claimed.length < wanted) break;
      if (this.running.size > 0) await Promise.race(this.running);
      else if (wanted === 0) break;
    }
  }

  /** Starts nothing new from the schedule. */
  stop(): void {
    this.stopping = true;
  }

  /** Waits, for so many milliseconds at most, until nothing is under way any more. */
  async drain(patience: number): Promise<void> {
    this.stopping = true;
    const { clock } = this.dependencies;
    const deadline = clock.now() + patience;
    while (this.active > 0 && clock.now() < deadline) await clock.sleep(DRAIN_POLL);
  }

  /** Claims what is due; counted as work under way, and given back when the process is stopping. */
  private async claimDue(provider: string, limit: number): Promise<ClaimedGrant[]> {
    const { store } = this.dependencies;
    this.claiming += 1;
    try {
      const claimed = await store.claimDue(provider, limit, this.lease());
      if (!this.stopping) return claimed;
      await Promise.all(
        claimed.map((grant) => store.release(grant, ownerOf(grant), grant.inDoubt, 0)),
      );
      return [];
    } finally {
      this.claiming -= 1;
    }
  }

  /** Every claim is told from every other, so that a late word about one never ends the next. */
  private lease(): Lease {
    this.leases += 1;
    return {
      owner: `${this.settings.owner}/${String(this.leases)}`,
      duration: this.settings.leaseDuration,
      takeOver: this.dependencies.mayTakeOver(),
    };
  }

  private async rotateClaimed(grant: ClaimedGrant, guarded: GuardedProvider): Promise<void> {
    const { clock, store, rotation } = this.dependencies;
    const { policy } = this.settings;
    const owner = ownerOf(grant);
    if (grant.status === 'suspended') {
      await this.dependencies.reinstatement.check(grant, guarded);
      return;
    }
    const decision = decideRefresh(asBeforeClaim(grant), policy, clock.now());
    if (decision.reason === 'no_refresh_token') {
      await this.endWithoutRefresh(grant);
    } else if (!decision.refresh) {
      await store.release(grant, owner, grant.inDoubt, null);
    } else if (!guarded.breaker.admit()) {
      await store.release(grant, owner, grant.inDoubt, guarded.breaker.wait);
    } else {
      guarded.limit.enter();
      await rotation.rotate(grant, guarded);
    }
  }

  /** A grant that can't be refreshed is due when its token expires: from then on it is dead. */
  private async endWithoutRefresh(grant: ClaimedGrant): Promise<void> {
    const { store, clock } = this.dependencies;
    const left = (grant.expiresAt ?? Infinity) - clock.now();
    if (left <= 0) {
      const retired = await store.retire(grant, ownerOf(grant), 'no_refresh_token', null);
      if (retired) this.dependencies.onRetired(grant, 'no_refresh_token');
    } else {
      await store.release(grant, ownerOf(grant), false, left === Infinity ? null : left);
    }
  }

  private async satisfy(seen: Grant, demand: RefreshDemand): Promise<RefreshOutcome> {
    const { providers, clock, grants } = this.dependencies;
    const guarded = providers.find(seen.provider);
    if (!guarded) return { kind: 'provider_unavailable', retryAfter: PROVIDER_OFF };
    const deadline = clock.now() + this.settings.providerTimeout + PATIENCE;
    try {
      let grant: Grant | undefined = seen;
      for (let attempt = 0; ; attempt += 1) {
        const step = await this.step(grant, demand, guarded, deadline);
        if (step) return step;
        if (clock.now() >= deadline) {
          // The provider has answered; it is the database that keeps the answer waiting.
          if (this.dependencies.commits.holds(seen)) return { kind: 'storage_unavailable' };
          return { kind: 'provider_unavailable', retryAfter: 1000 };
        }
        if (attempt > 0) await clock.sleep(this.pollDelay(attempt));
        grant = await grants.load(seen);
        if (!grant) return { kind: 'gone' };
      }
    } catch (error) {
      if (error instanceof StorageUnavailableError) return { kind: 'storage_unavailable' };
      throw error;
    }
  }

  /** One look at the row. @returns the outcome, or nothing when it is to be looked at again */
  private async step(
    grant: Grant,
    demand: RefreshDemand,
    guarded: GuardedProvider,
    deadline: number,
  ): Promise<RefreshOutcome | undefined> {
    const { clock, commits } = this.dependencies;
    const { refresh, reason } = decideRefresh(grant, this.settings.policy, clock.now(), demand);
    if (!refresh) {
      if (reason === 'leased') return undefined;
      if (reason === 'backing_off') {
        return {
          kind: 'provider_unavailable',
          retryAfter: (grant.refreshDueAt ?? 0) - clock.now(),
        };
      }
      return { kind: 'grant', grant: expired(grant, reason, clock.now()) };
    }
    if (commits.holds(grant)) return undefined;
    if (guarded.breaker.wait > 0) {
      return { kind: 'provider_unavailable', retryAfter: guarded.breaker.wait };
    }
    const end = await this.claimAndRotate(grant, guarded, deadline);
    if (end?.kind === 'committed') return { kind: 'grant', grant: end.grant };
    if (end?.kind === 'failed' && end.retryIn > 0) {
      return {
        kind: 'provider_unavailable',
        retryAfter: Math.max(end.retryIn, guarded.breaker.wait),
      };
    }
    return undefined;
  }

  private async claimAndRotate(
    grant: Grant,
    guarded: GuardedProvider,
    deadline: number,
  ): Promise<RotationEnd | undefined> {
    const { breaker, limit } = guarded;
    const { clock, store, rotation } = this.dependencies;
    if (!(await limit.wait(Math.max(0, deadline - clock.now()), clock))) return undefined;
    const admitted = breaker.admit();
    let claimed: ClaimedGrant | undefined;
    try {
      if (admitted) claimed = await store.claimOne(grant, grant.version, this.lease());
    } finally {
      if (!claimed) {
        if (admitted) breaker.withdraw();
        limit.leave();
      }
    }
    if (!claimed) return undefined;
    // The answer stays in hand for as long as the database is away; whoever waits for it does not.
    const work = rotation.rotate(claimed, guarded);
    this.track(work.then(() => undefined));
    return within(clock, Math.max(0, deadline - clock.now()), work);
  }

  /** Remembers work under way, for {@link drain}; whoever started it hears of its failure. */
  private track(work: Promise<void>): void {
    const tracked = work.catch(this.dependencies.onFailure).finally(() => {
      this.running.delete(tracked);
    });
    this.running.add(tracked);
  }

  private pollDelay(attempt: number): number {
    const range = Math.min(POLL.longest, POLL.first * 2 ** Math.min(attempt, 10));
    return range * (0.5 + this.dependencies.random() / 2);
  }
}

/** The lease a grant was claimed under. */
const ownerOf = (grant: ClaimedGrant): string => grant.leaseOwner ?? '';

/** A leased row as the decision is to see it: before this process's own claim. */
function asBeforeClaim(grant: ClaimedGrant): Grant {
  return {
    ...grant,
    leaseOwner: null,
    leaseExpiresAt: null,
    refreshDueAt: 0,
    rotationStartedAt: grant.inDoubt ? grant.rotationStartedAt : null,
  };
}

/** A token that can't be refreshed and has expired needs its user, also before the row says so. */
function expired(grant: Grant, reason: string, now: number): Grant {
  const dead = reason === 'no_refresh_token' && (grant.expiresAt ?? Infinity) - now < 1000;
  return dead
    ? { ...grant, status: 'reauthorization_required', reason: 'no_refresh_token' }
    : grant;
}
