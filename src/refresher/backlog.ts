import { Signal } from '../common/index.js';
import type { Clock, ReauthorizationReason } from '../common/index.js';
import type { GuardedProvider } from '../providers/index.js';
import type { ClaimedGrant, Grant, RotationStore } from '../grants/index.js';
import { ClaimAhead } from './claim-ahead.js';
import { decideRefresh, isPaused } from './decide-refresh.js';
import type { RefreshPolicy } from './decide-refresh.js';
import type { Reinstatement } from './reinstatement.js';
import type { Rotation } from './rotation.js';
import type { InFlightRotations } from './in-flight-rotations.js';

/** Milliseconds after which a place may be free although nothing has ended. */
const LOOK_AGAIN_MS = 500;

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
  run(guarded: GuardedProvider): Promise<void> {
    // All of it is work under way: what is claimed has to be given back before a process ends.
    return this.inFlight.claim(() => this.runThrough(guarded));
  }

  private async runThrough(guarded: GuardedProvider): Promise<void> {
    const changes = new Signal();
    const end = this.listen(guarded, changes);
    try {
      await this.workThrough(guarded, changes);
    } finally {
      end();
    }
  }

  private async workThrough(guarded: GuardedProvider, changes: Signal): Promise<void> {
    const { breaker } = guarded;
    const ahead = this.aheadOf(guarded, changes);
    while (!this.inFlight.stopping && breaker.wait === 0 && !isPaused(this.policy)) {
      // Before the look: what changes during it leads to another one.
      const change = changes.next();
      for (const grant of ahead.take()) this.inFlight.track(this.rotate(grant, guarded));
      await ahead.giveBackLate();
      const wanted = ahead.claimMore();
      if (ahead.isEmpty && (ahead.isExhausted || (wanted === 0 && this.inFlight.rotations === 0))) {
        break;
      }
      await change;
    }
    await ahead.giveBack();
  }

  /** Has it told whenever there may be more to do. @returns what ends that */
  private listen({ limit }: GuardedProvider, changes: Signal): () => void {
    const changed = () => {
      changes.happened();
    };
    const ends = [limit.onPlaceFree(changed), this.inFlight.onEnd(changed)];
    // Or a moment passes: a call that is listened to for long gives its place back before it ends.
    let cancel: () => void;
    const lookAgain = () => {
      cancel = this.dependencies.clock.after(LOOK_AGAIN_MS, () => {
        changed();
        lookAgain();
      });
    };
    lookAgain();
    return () => {
      for (const end of ends) end();
      cancel();
    };
  }

  private aheadOf(guarded: GuardedProvider, changes: Signal): ClaimAhead {
    const claim = (count: number, probing: boolean) => this.claim(guarded, count, probing);
    const release = (grant: ClaimedGrant) =>
      this.dependencies.store.release(grant, ownerOf(grant), grant.inDoubt, 0);
    const { inFlight } = this;
    const { clock } = this.dependencies;
    const { leaseMs } = inFlight;
    const claimed = () => {
      changes.happened();
    };
    return new ClaimAhead({ guarded, inFlight, clock, leaseMs, claim, claimed, release });
  }

  /** Claims what is due; gives it back when the process is stopping meanwhile. */
  private async claim(
    { provider: { name }, breaker }: GuardedProvider,
    limit: number,
    probing: boolean,
  ): Promise<ClaimedGrant[]> {
    const { store } = this.dependencies;
    const lease = this.inFlight.lease();
    const claimed = probing
      ? await store.claimProbe(name, lease, breaker.probesWithDoubt)
      : await store.claimDue(name, limit, lease);
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
