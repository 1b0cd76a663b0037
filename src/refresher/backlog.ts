import type { Clock, ReauthorizationReason } from '../common/index.js';
import type { GuardedProvider } from '../providers/index.js';
import type { ClaimedGrant, Grant, RotationStore } from '../grants/index.js';
import { decideRefresh, isPaused } from './decide-refresh.js';
import type { RefreshPolicy } from './decide-refresh.js';
import type { Reinstatement } from './reinstatement.js';
import type { Rotation } from './rotation.js';
import type { InFlightRotations } from './in-flight-rotations.js';

export interface BacklogDependencies {
  readonly store: Pick<RotationStore, 'claimDue' | 'claimProbe' | 'release' | 'retire'>;
  readonly rotation: Pick<Rotation, 'rotate'>;
  readonly reinstatement: Pick<Reinstatement, 'check'>;
  readonly clock: Clock;
  /** Hears of grants that only their user can revive. */
  readonly onRetired: (grant: Grant, reason: ReauthorizationReason) => void;
}

/** The grants that are due, whether or not anybody waits for them. */
export class Backlog {
  constructor(
    private readonly dependencies: BacklogDependencies,
    private readonly policy: RefreshPolicy,
    private readonly inFlight: InFlightRotations,
  ) {}

  /** Rotates what is due now, of one provider, as fast as its limit allows; returns when done. */
  async run(guarded: GuardedProvider): Promise<void> {
    const { breaker, limit, provider } = guarded;
    const { inFlight } = this;
    while (!inFlight.stopping && breaker.wait === 0 && !isPaused(this.policy)) {
      const room = limit.roomForBacklog;
      // Claims are made in batches: a statement for every place that falls free is too many.
      if (room > 0 && room < limit.minimumBatch && inFlight.rotations > 0) {
        await inFlight.oneEnded(this.dependencies.clock);
        continue;
      }
      // A provider that was down gets one call first, not a full load.
      const probing = breaker.state !== 'closed';
      const wanted = probing ? Math.min(1, room) : room;
      const claimed =
        wanted > 0 ? await inFlight.claim(() => this.claim(provider.name, wanted, probing)) : [];
      for (const grant of claimed) inFlight.track(this.rotate(grant, guarded));
      if (wanted > 0 && claimed.length < wanted) break;
      if (inFlight.rotations > 0) await inFlight.oneEnded(this.dependencies.clock);
      else if (wanted === 0) break;
    }
  }

  /** Claims what is due; gives it back when the process is stopping meanwhile. */
  private async claim(provider: string, limit: number, probing: boolean): Promise<ClaimedGrant[]> {
    const { store } = this.dependencies;
    const lease = this.inFlight.lease();
    const claimed = probing
      ? await store.claimProbe(provider, lease)
      : await store.claimDue(provider, limit, lease);
    if (!this.inFlight.stopping) return claimed;
    await Promise.all(
      claimed.map((grant) => store.release(grant, ownerOf(grant), grant.inDoubt, 0)),
    );
    return [];
  }

  private async rotate(grant: ClaimedGrant, guarded: GuardedProvider): Promise<void> {
    const { clock, store } = this.dependencies;
    const owner = ownerOf(grant);
    if (grant.status === 'suspended') {
      await this.dependencies.reinstatement.check(grant, guarded);
      return;
    }
    if (grant.status === 'reauthorization_required' && grant.refreshToken !== null) {
      // An operator has it tried once more, or its provider was found in trouble when it was given up.
      await this.present(grant, guarded);
      return;
    }
    const decision = decideRefresh(asBeforeClaim(grant), this.policy, clock.now());
    if (decision.reason === 'no_refresh_token') {
      await this.endWithoutRefresh(grant);
    } else if (!decision.refresh) {
      await store.release(grant, owner, grant.inDoubt, null);
    } else {
      await this.present(grant, guarded);
    }
  }

  private async present(grant: ClaimedGrant, guarded: GuardedProvider): Promise<void> {
    const { store, rotation } = this.dependencies;
    const { breaker, limit } = guarded;
    if (breaker.admit()) {
      limit.enter();
      await rotation.rotate(grant, guarded);
    } else {
      await store.release(grant, ownerOf(grant), grant.inDoubt, breaker.wait);
    }
  }

  /** A grant that can't be refreshed is due when its token expires: from then on it is dead. */
  private async endWithoutRefresh(grant: ClaimedGrant): Promise<void> {
    const { store, clock } = this.dependencies;
    const left = (grant.expiresAt ?? Infinity) - clock.now();
    if (left <= 0) {
      const end = await store.retire(grant, ownerOf(grant), 'no_refresh_token', null, null);
      if (end === 'retired') this.dependencies.onRetired(grant, 'no_refresh_token');
    } else {
      await store.release(grant, ownerOf(grant), false, left === Infinity ? null : left);
    }
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
