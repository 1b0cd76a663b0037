import type { DeliveryOutcome } from './webhook-endpoint.js';

/** Milliseconds: the first retry and the longest wait between two, before jitter. */
const BACKOFF_MS = { first: 1000, longest: 3_600_000 };
/** Milliseconds for which a receiver has to say 410 before it is believed: it may be in deployment. */
const GONE_MS = 3_600_000;

/** What a receiver's answers say about itself: how long to leave it alone, and whether it is gone. */
export class ReceiverPatience {
  private goneSince: number | undefined;
  private pausedUntil = -Infinity;

  /** Whether the receiver has asked to be left alone for now. */
  isPaused(now: number): boolean {
    return now < this.pausedUntil;
  }

  /**
   * Notes how an attempt ended.
   *
   * @param now milliseconds
   * @param attempts of this event so far
   * @returns milliseconds until the event's next attempt; null gives it up
   */
  failed(outcome: DeliveryOutcome, now: number, attempts: number): number | null {
    if (outcome.kind === 'gone') this.goneSince ??= now;
    else if (outcome.kind !== 'unreachable') this.goneSince = undefined;
    if (this.goneSince !== undefined && outcome.kind === 'gone') {
      if (now - this.goneSince >= GONE_MS) return null;
    }
    const asked = outcome.kind === 'refused' ? (outcome.retryAfterMs ?? 0) : 0;
    const bounded = Math.min(asked, BACKOFF_MS.longest);
    this.pausedUntil = Math.max(this.pausedUntil, now + bounded);
    return Math.max(bounded, backoff(attempts));
  }

  /** Notes that the receiver took an event: it is there. */
  delivered(): void {
    this.goneSince = undefined;
  }
}

/** Milliseconds until the next attempt: exponential, half of it jitter. */
function backoff(attempts: number): number {
  const range = Math.min(BACKOFF_MS.longest, BACKOFF_MS.first * 2 ** Math.min(attempts - 1, 20));
  return range * (0.5 + Math.random() / 2);
}
