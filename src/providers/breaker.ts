import type { Clock } from '../common/index.js';
import type { CallEnd } from './call-window.js';
import { UnreadableAnswerError } from './provider-error.js';
import type { ProviderError } from './provider-error.js';
import { isUnusual } from './judge-provider.js';
import type { Trouble } from './judge-provider.js';
import { ProviderLedger } from './provider-ledger.js';

/** Milliseconds: the first pause, and the longest that we choose ourselves. */
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 4000;
/** Milliseconds: the longest pause while the fuse is tripped. */
const LONGEST_FUSE_PAUSE_MS = 20_000;
/** Milliseconds: the same where each probe may cost a grant. */
const COSTLY_PROBES = { first: 2000, longest: 40_000 };
/** Pauses that count for the length of the next one where some calls end in order, and others cost. */
const PAUSES_BESIDE_SUCCESS = 2;
/** Milliseconds: the longest pause that a provider's `Retry-After` is followed for. */
export const LONGEST_ASKED_MS = 900_000;

export type BreakerState = 'closed' | 'open' | 'half_open';

/**
 * Circuit breaker of one provider. Closed: calls pass. Open: nobody calls until the pause is over.
 * Half open: one call at a time finds out whether the provider is back. Pauses grow exponentially
 * with jitter, so that an outage costs a few calls and its end is noticed soon. When it opens is
 * for {@link judgeProvider} to say: trouble of single grants does not open it.
 *
 * Its fuse is tripped while refusals are not to be believed: see guarantee 11 in
 * docs/reliability.md.
 *
 * Our own rather than a library's because the simulation must drive it by a fake clock, and
 * because what counts is which grants a call was made for.
 */
export class Breaker {
  private readonly ledger: ProviderLedger;
  private pauses = 0;
  private openUntil = 0;
  /** Until when the provider itself asked to wait. */
  private askedUntil = 0;
  private probing = false;
  private fused = false;
  private trips = 0;
  private leftDoubt = false;
  /** Whether the last call that says something ended in order, while the fuse stayed tripped. */
  private servesSome = false;
  /** Until when no token of a well grant is presented by any replica; undefined: nothing is in its way. */
  private cautiousUntil: number | undefined;
  /** Hears of the fuse: whether it is tripped from now on. */
  onFuse: (tripped: boolean) => void = () => undefined;
  /** Hears how calls end, as far as it says how many more may be made. */
  onEnd: (end: CallEnd) => void = () => undefined;

  constructor(
    private readonly clock: Pick<Clock, 'now'>,
    private readonly random: () => number = Math.random,
  ) {
    this.ledger = new ProviderLedger(clock);
  }

  get state(): BreakerState {
    if (!this.findsOut) return 'closed';
    return this.pauses > 0 && this.clock.now() < this.openUntil ? 'open' : 'half_open';
  }

  /** Whether the provider is suspected, so that nothing is given up. */
  get tripped(): boolean {
    return this.fused;
  }

  /**
   * Whether to probe with a grant that is in doubt already. Where each call may spend a token whose
   * answer is lost, a well one would be lost with each probe. Now and then, at the fourth probe, the
   * eighth, the sixteenth, it is a well one all the same: those in doubt may be in trouble of their own.
   */
  get probesWithDoubt(): boolean {
    const isTurnOfWell = this.pauses >= 4 && Number.isInteger(Math.log2(this.pauses));
    return this.leftDoubt && !this.fused && !isTurnOfWell;
  }

  /** How often the fuse has tripped: what a call was asked under tells whether it began before. */
  get era(): number {
    return this.trips;
  }

  /** Milliseconds until a call is worth trying; 0 when it may be tried now. */
  get wait(): number {
    if (!this.findsOut) return 0;
    const now = this.clock.now();
    const own = this.pauses > 0 ? this.openUntil - now : 0;
    // The turn of all replicas comes by their common pace, whatever the pause of this one is.
    const turn = now < this.askedUntil ? Infinity : (this.cautiousUntil ?? Infinity) - now;
    const left = Math.min(own, turn);
    if (left > 0) return left;
    return this.probing ? FIRST_PAUSE_MS : 0;
  }

  /** Milliseconds until a call for this grant is worth trying: a well one may have to wait for its turn. */
  waitFor({ inDoubt }: { readonly inDoubt: boolean }): number {
    const turn = (this.cautiousUntil ?? 0) - this.clock.now();
    return inDoubt ? this.wait : Math.max(this.wait, turn);
  }

  /**
   * What all replicas together have found: milliseconds until a well grant may be presented to find
   * out whether the provider is well; undefined: nothing is in its way.
   */
  beCautious(wait: number | undefined): void {
    this.cautiousUntil = wait === undefined ? undefined : this.clock.now() + wait;
  }

  /** Whether a refusal of a grant may be believed. */
  get believable(): boolean {
    return !this.fused && this.ledger.verdict.believable;
  }

  /** Whether this grant fails while others are served. */
  isTroubled(grant: string): boolean {
    return this.ledger.isTroubled(grant);
  }

  /** Asks to make one call; whoever is admitted must report its end. */
  admit(): boolean {
    if (this.wait > 0) return false;
    if (this.findsOut) this.probing = true;
    return true;
  }

  /** The admitted call was not made after all. */
  withdraw(): void {
    this.probing = false;
  }

  /**
   * The admitted call for this grant ended in order.
   *
   * @param era the breaker's when the call was made
   */
  succeeded(grant: string, era: number): void {
    // A call that was in flight when the provider asked for a pause does not end it, nor one that
    // began before something went wrong with all the others. One that was made to find out ends it,
    // however long its answer took.
    if (this.pauses > 0 && this.clock.now() < this.askedUntil) return;
    if (this.fused && era !== this.trips) return;
    this.ledger.orderly(grant);
    this.onEnd('in_order');
    this.cautiousUntil = undefined;
    this.probing = false;
    if (this.ledger.verdict.stop === 'fuse') {
      // Some of its nodes spend tokens: that one call ended in order says nothing of the next one, which may
      // be made at once, alone.
      this.openUntil = 0;
      this.pauses = Math.min(this.pauses, PAUSES_BESIDE_SUCCESS);
      this.servesSome = true;
      return;
    }
    this.pauses = 0;
    this.setFuse(false);
  }

  /**
   * The admitted call for this grant failed.
   *
   * @param inDoubt whether its token may have been presented before
   * @param answerLost whether it was, just now, and the answer did not come
   */
  report(error: ProviderError, grant: string, inDoubt = false, answerLost = false): void {
    this.leftDoubt = error.leavesDoubt;
    this.failed(troubleOf(error, inDoubt), grant, error.retryAfter ?? 0, answerLost);
  }

  /** The admitted call has no answer although readers have stopped to wait for it. */
  overdue(grant: string): void {
    this.failed('overdue', grant, 0);
  }

  /** Whether calls find out if the provider is well, one at a time. */
  private get findsOut(): boolean {
    return this.pauses > 0 || this.cautiousUntil !== undefined;
  }

  private failed(trouble: Trouble, grant: string, retryAfter: number, answerLost = false): void {
    this.probing = false;
    const isNews = this.ledger.met(grant, trouble, answerLost);
    // It was refused before, or spent by then: that says nothing of how the provider is now.
    const wasSpent = trouble === 'spent' && !answerLost;
    if (this.servesSome && (wasSpent || (isUnusual(trouble) && !isNews))) return;
    if (isNews) this.tellOf(trouble, answerLost);
    this.servesSome = false;
    const { stop, waitForAll, probesCost } = this.ledger.verdict;
    if (stop === 'fuse') this.setFuse(true);
    if (this.pauses === 0 && stop === 'none') return;
    const now = this.clock.now();
    const asked = waitForAll ? now + Math.min(retryAfter, LONGEST_ASKED_MS) : 0;
    this.askedUntil = Math.max(this.askedUntil, asked);
    if (this.pauses > 0 && now < this.openUntil) {
      // Calls that were in flight when it opened: they must not prolong our own pause one by one.
      this.openUntil = Math.max(this.openUntil, asked);
      return;
    }
    // Late answers are no less good: where each takes long, many have to be under way.
    if (trouble !== 'overdue') this.onEnd('stopped');
    const { first, longest } = this.pauseRange(probesCost);
    const own = Math.min(longest, first * 2 ** Math.min(this.pauses, 10));
    this.pauses += 1;
    this.openUntil = Math.max(now + own * (0.5 + this.random() / 2), asked);
  }

  private tellOf(trouble: Trouble, answerLost: boolean): void {
    if (trouble === 'unreadable' || (trouble === 'spent' && answerLost)) this.onEnd('spent');
    else if (trouble === 'failed' || trouble === 'limited') this.onEnd('failed');
  }

  private pauseRange(probesCost: boolean): { first: number; longest: number } {
    if (!this.fused) return { first: FIRST_PAUSE_MS, longest: LONGEST_PAUSE_MS };
    return probesCost ? COSTLY_PROBES : { first: FIRST_PAUSE_MS, longest: LONGEST_FUSE_PAUSE_MS };
  }

  private setFuse(tripped: boolean): void {
    if (this.fused === tripped) return;
    this.fused = tripped;
    this.servesSome = false;
    if (tripped) this.trips += 1;
    this.onFuse(tripped);
  }
}

function troubleOf(error: ProviderError, inDoubt: boolean): Trouble {
  if (error instanceof UnreadableAnswerError) return 'unreadable';
  if (error.kind === 'invalid_grant') return inDoubt ? 'spent' : 'refused';
  if (error.kind === 'unreachable') return 'unreachable';
  return error.kind === 'rate_limited' || error.kind === 'invalid_client' ? 'limited' : 'failed';
}
