import { KeyedSingleFlight, StorageUnavailableError, withTimeLimit } from '../common/index.js';
import type { Clock } from '../common/index.js';
import type { GuardedProvider, ProviderRegistry } from '../providers/index.js';
import { grantKeyText } from '../grants/index.js';
import type { ClaimedGrant, Grant, GrantStore, RotationStore } from '../grants/index.js';
import type { RefreshDemand, RefreshOutcome } from '../tokens/index.js';
import type { CommitQueue } from './commit-queue.js';
import { decideRefresh } from './decide-refresh.js';
import type { RefreshPolicy } from './decide-refresh.js';
import type { ProviderTrust } from './provider-trust.js';
import type { Rotation } from './rotation.js';
import type { RotationEnd } from './rotation-dependencies.js';
import type { InFlightRotations } from './in-flight-rotations.js';

/** Milliseconds between looks at a row that another replica works on: first and longest. */
const POLL_MS = { first: 20, longest: 250 };
/** Milliseconds that a demand may take beyond one provider call. */
const PATIENCE_MS = 2000;
/** Milliseconds after which a caller may ask again about a grant that operators have to look at. */
const HELD_MS = 60_000;
/** Milliseconds after which a caller may ask again about a provider that is switched off. */
const PROVIDER_OFF_MS = 60_000;
/** The same while no refresh token is presented at all. */
const PAUSED_MS = 60_000;

export interface OnDemandDependencies {
  readonly store: Pick<RotationStore, 'claimOne'>;
  readonly grants: Pick<GrantStore, 'load'>;
  readonly providers: Pick<ProviderRegistry, 'find'>;
  readonly rotation: Pick<Rotation, 'rotate'>;
  readonly trust: Pick<ProviderTrust, 'look'>;
  readonly commits: Pick<CommitQueue, 'holds'>;
  readonly clock: Clock;
  readonly random: () => number;
}

export interface OnDemandSettings {
  readonly policy: RefreshPolicy;
  /** Milliseconds. */
  readonly providerTimeout: number;
}

/** The grants that somebody waits for. */
export class OnDemandRefresh {
  private readonly flights = new KeyedSingleFlight<RefreshOutcome>();

  constructor(
    private readonly dependencies: OnDemandDependencies,
    private readonly settings: OnDemandSettings,
    private readonly inFlight: InFlightRotations,
  ) {}

  /** Demands under way. */
  get size(): number {
    return this.flights.size;
  }

  /** See {@link GrantRefresher.refresh}. */
  refresh(grant: Grant, demand: RefreshDemand): Promise<RefreshOutcome> {
    // Shared by all who saw the same token and want the same of it.
    const text = `${grantKeyText(grant)}\0${String(grant.version)}\0${String(demand.minTtl)}`;
    return this.flights.run(text, () => this.waitForToken(grant, demand));
  }

  private async waitForToken(seen: Grant, demand: RefreshDemand): Promise<RefreshOutcome> {
    const { providers, clock, grants } = this.dependencies;
    const guarded = providers.find(seen.provider);
    if (!guarded) return { kind: 'provider_unavailable', retryAfter: PROVIDER_OFF_MS };
    const deadline = clock.now() + this.settings.providerTimeout + PATIENCE_MS;
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
      // Only an operator ends it; what is alive is served meanwhile.
      if (reason === 'paused') return { kind: 'provider_unavailable', retryAfter: PAUSED_MS };
      if (reason === 'held') return { kind: 'provider_unavailable', retryAfter: HELD_MS };
      if (reason === 'backing_off') {
        // The grant may be due before the provider wants to be asked again.
        const due = (grant.refreshDueAt ?? 0) - clock.now();
        return {
          kind: 'provider_unavailable',
          retryAfter: Math.max(due, guarded.breaker.wait),
        };
      }
      return { kind: 'grant', grant: expired(grant, reason, clock.now()) };
    }
    if (commits.holds(grant)) return undefined;
    const wait = guarded.breaker.waitFor({ inDoubt: grant.rotationStartedAt !== null });
    if (wait > 0) return { kind: 'provider_unavailable', retryAfter: wait };
    const end = await this.claimAndRotate(grant, guarded, deadline);
    if (end?.kind === 'committed') return { kind: 'grant', grant: end.grant };
    if (end?.kind === 'foreign') return { kind: 'key_unavailable' };
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
    const { clock, store, rotation, trust } = this.dependencies;
    if (!(await limit.wait(Math.max(0, deadline - clock.now()), clock))) return undefined;
    const admitted = breaker.admit();
    let claimed: ClaimedGrant | undefined;
    try {
      if (admitted) claimed = await store.claimOne(grant, grant.version, this.inFlight.lease());
    } finally {
      if (!claimed) {
        if (admitted) breaker.withdraw();
        limit.leave();
      }
    }
    if (!claimed) {
      // Taken by another replica, or not to be taken now, because of what another one has met.
      await trust.look(guarded);
      return undefined;
    }
    // The answer is kept for as long as the database is away; the reader does not wait so long.
    const work = rotation.rotate(claimed, guarded);
    this.inFlight.track(work.then(() => undefined));
    return withTimeLimit(clock, Math.max(0, deadline - clock.now()), work);
  }

  private pollDelay(attempt: number): number {
    const range = Math.min(POLL_MS.longest, POLL_MS.first * 2 ** Math.min(attempt, 10));
    return range * (0.5 + this.dependencies.random() / 2);
  }
}

/** A token that can't be refreshed and has expired needs its user, also before the row says so. */
function expired(grant: Grant, reason: string, now: number): Grant {
  const dead = reason === 'no_refresh_token' && (grant.expiresAt ?? Infinity) - now < 1000;
  return dead
    ? { ...grant, status: 'reauthorization_required', reason: 'no_refresh_token' }
    : grant;
}
