import type { Clock } from '../common/index.js';
import type { ClaimedGrant } from '../grants/index.js';
import type { GuardedProvider } from '../providers/index.js';
import type { InFlightRotations } from './in-flight-rotations.js';

/** Grants claimed ahead at most: a process that is killed leaves them to wait for their leases' end. */
const LARGEST_AHEAD = 500;
/**
 * Milliseconds between two claims at least, where so many grants may be claimed ahead: a claim costs both
 * sides as much as dozens of its rows do, and a quick provider would get one for every few.
 */
const CLAIMED_EVERY_MS = 15;
/** Milliseconds for which a grant may wait between claim and call; less is claimed ahead then. */
const LONGEST_WAIT_MS = 500;
/**
 * Share of its lease that a grant may have waited when it is called for. What has waited for longer is
 * given back: the lease keeper's first look might come too late for it.
 */
const LEASE_SHARE = 1 / 6;
/**
 * Rotations under way at most, most of them being committed: so many for each call that the backlog may have
 * in flight, and so many in any case. A database that takes 100 ms for a commit is to keep no call waiting.
 */
const UNDER_WAY = { perCall: 8, least: 400 };

export interface ClaimAheadOptions {
  readonly guarded: Pick<GuardedProvider, 'breaker' | 'limit'>;
  readonly inFlight: Pick<InFlightRotations, 'rotations' | 'stopping'>;
  readonly clock: Pick<Clock, 'now'>;
  /** Milliseconds that a lease lasts. */
  readonly leaseMs: number;
  readonly claim: (count: number, probing: boolean) => Promise<ClaimedGrant[]>;
  /** Hears that a claim has ended, whatever it brought. */
  readonly claimed: () => void;
  readonly release: (grant: ClaimedGrant) => Promise<void>;
}

/**
 * Grants of one provider that are claimed before there is a place for their calls. So no place is
 * empty while a claim is under way: at a fast provider claims take longer than calls. A provider
 * that is slow has no more claimed than it has places.
 */
export class ClaimAhead {
  /** The claim that is under way. */
  claiming: Promise<void> | undefined;
  /** The last claim found less than it asked for, or failed. */
  isExhausted = false;
  private readonly ready: { readonly grant: ClaimedGrant; readonly at: number }[] = [];
  /** Those that have waited for too long. */
  private readonly late: ClaimedGrant[] = [];
  private waitedMs = 0;
  /** How many are to be claimed beyond the places that are free. */
  private ahead: number;
  private claims = 0;
  private claimedAt = -Infinity;
  /** Whether the last claim came soon after the one before. */
  private isFrequent = false;
  private hasProbed = false;
  /** Whether a claim has found what is in doubt since the last call, where that goes first. */
  private hasLooked = false;
  private failure: Error | undefined;

  constructor(private readonly options: ClaimAheadOptions) {
    this.ahead = options.guarded.limit.backlogSize;
  }

  /** Whether nothing is claimed, or being claimed. */
  get isEmpty(): boolean {
    return this.ready.length === 0 && this.late.length === 0 && this.claiming === undefined;
  }

  /** Those that there is room for now, one by one: whoever takes one fills a place with it. */
  *take(): Generator<ClaimedGrant> {
    const { clock } = this.options;
    while (this.hasRoom) {
      const next = this.ready.shift();
      if (!next) return;
      this.hasLooked = false;
      this.waitedMs = clock.now() - next.at;
      if (this.waitedMs <= this.options.leaseMs * LEASE_SHARE) yield next.grant;
      else this.late.push(next.grant);
    }
  }

  /**
   * Begins another claim if it is worth one.
   *
   * @returns how many more could be claimed
   */
  claimMore(): number {
    if (this.claiming) return 0;
    const { guarded, inFlight, claim, clock } = this.options;
    const probing = guarded.breaker.state !== 'closed';
    const wanted = this.wanted(probing);
    // Claims are made in batches: a statement for every place that falls free is too many. What is left of
    // those at hand is called for while it is under way.
    const batch = Math.max(guarded.limit.minimumBatch, Math.floor(this.ahead / 2));
    const isWorthIt = probing || this.mustLook || wanted >= batch || inFlight.rotations === 0;
    if (wanted === 0 || !isWorthIt || (this.isExhausted && !this.mustLook)) return wanted;
    if (probing && this.hasProbed) {
      // Not another one at once: first something has to change.
      this.hasProbed = false;
      return wanted;
    }
    this.hasProbed = probing;
    this.claims += 1;
    const now = clock.now();
    this.isFrequent = now - this.claimedAt < CLAIMED_EVERY_MS;
    this.claimedAt = now;
    // Claims of one, where there was trouble, say nothing of how many are needed where there is none.
    const isOne = probing || guarded.limit.isWary;
    this.claiming = claim(wanted, probing)
      .then(
        (claimed) => {
          this.isExhausted = claimed.length < wanted;
          if (this.claims > 1 && !isOne) this.adapt();
          const at = clock.now();
          const ready = claimed.map((grant) => ({ grant, at }));
          // What is in doubt tells whether its token was spent: before others follow it.
          this.ready.unshift(...ready.filter(({ grant }) => grant.inDoubt));
          this.ready.push(...ready.filter(({ grant }) => !grant.inDoubt));
        },
        (error: unknown) => {
          this.failure = error as Error;
          this.isExhausted = true;
        },
      )
      .finally(() => {
        this.claiming = undefined;
        this.hasLooked = true;
        this.options.claimed();
      });
    return wanted;
  }

  /** Gives back what has waited for too long. */
  async giveBackLate(): Promise<void> {
    if (this.late.length === 0) return;
    await Promise.all(this.late.splice(0).map((grant) => this.options.release(grant)));
  }

  /** Gives back what has no call yet. @throws what the last claim failed with */
  async giveBack(): Promise<void> {
    await this.claiming;
    this.late.push(...this.ready.splice(0).map(({ grant }) => grant));
    await this.giveBackLate();
    if (this.failure !== undefined) throw this.failure;
  }

  private get hasRoom(): boolean {
    const { guarded, inFlight } = this.options;
    const { breaker, limit } = guarded;
    // What was claimed for a provider that has failed since is given back by whoever would call it.
    if (breaker.state !== 'closed') return true;
    if (this.mustLook) return false;
    const underWay = Math.max(UNDER_WAY.least, limit.backlogSize * UNDER_WAY.perCall);
    return limit.roomForBacklog > 0 && inFlight.rotations < underWay;
  }

  /** Whether what is in doubt is to be claimed before another call is made: there was trouble a moment ago. */
  private get mustLook(): boolean {
    return this.options.guarded.limit.isWary && !this.hasLooked;
  }

  /** More ahead when places were empty before the claim came, or claims are many; less when grants wait for places. */
  private adapt(): void {
    const { limit } = this.options.guarded;
    if (this.waitedMs > LONGEST_WAIT_MS) this.ahead = Math.floor(this.ahead / 4);
    else if (
      this.isFrequent ||
      (this.ready.length === 0 && limit.roomForBacklog >= limit.minimumBatch)
    ) {
      this.ahead = Math.min(LARGEST_AHEAD, Math.max(limit.minimumBatch, this.ahead * 2));
    }
  }

  private wanted(probing: boolean): number {
    const { limit } = this.options.guarded;
    const room = limit.roomForBacklog;
    // A provider that was down gets one call first, not a full load.
    if (probing) return this.ready.length > 0 ? 0 : Math.min(1, room);
    if (limit.isWary) return this.hasLooked || room === 0 ? 0 : 1;
    return Math.max(0, room + this.ahead - this.ready.length);
  }
}
