import { StorageUnavailableError } from '../common/index.js';
import type { Clock, Log } from '../common/index.js';
import type { ClaimedGrant, RotationStore } from '../grants/index.js';

/** A lease is renewed when this share of it has passed. */
const RENEWAL_SHARE = 1 / 3;
/** Milliseconds until the next attempt when the database could not be reached. */
const RETRY_MS = 500;

export interface LeaseKeeperDependencies {
  readonly store: Pick<RotationStore, 'renewLeases'>;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Renews the leases of rotations that take longer than a lease lasts, because the provider is
 * slow or a row is locked: while the process lives nobody else presents the same refresh token.
 * One statement renews them all. A process that dies renews no more, and its leases run out.
 */
export class LeaseKeeper {
  private readonly held = new Set<ClaimedGrant>();
  private renewing = false;

  constructor(
    private readonly dependencies: LeaseKeeperDependencies,
    private readonly leaseDurationMs: number,
  ) {}

  /** Holds the lease of a grant while `work` is under way. */
  async during<T>(grant: ClaimedGrant, work: Promise<T>): Promise<T> {
    this.held.add(grant);
    if (!this.renewing) void this.renew();
    try {
      return await work;
    } finally {
      this.held.delete(grant);
    }
  }

  private async renew(): Promise<void> {
    const { store, clock, log } = this.dependencies;
    const { leaseDurationMs } = this;
    const pause = leaseDurationMs * RENEWAL_SHARE;
    this.renewing = true;
    let wait = pause;
    while (this.held.size > 0) {
      await clock.sleep(wait);
      wait = pause;
      // Those that were claimed just now have time.
      const begun = clock.now() + leaseDurationMs - pause / 2;
      const due = [...this.held].filter(({ leaseExpiresAt }) => (leaseExpiresAt ?? 0) < begun);
      try {
        if (due.length > 0) await store.renewLeases(due, leaseDurationMs);
      } catch (error) {
        wait = RETRY_MS;
        if (!(error instanceof StorageUnavailableError)) log.failure('lease.renewal_failed', error);
      }
    }
    this.renewing = false;
  }
}
