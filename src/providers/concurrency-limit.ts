import { Signal, withTimeLimit } from '../common/index.js';
import type { Clock } from '../common/index.js';
import { afterCall, isWary, newWindow, windowSize } from './call-window.js';
import type { CallEnd, CallWindow } from './call-window.js';
import type { RateCeiling } from './rate-ceiling.js';

/**
 * Calls that are listened to beyond `PROVIDER_TIMEOUT`, for each call in flight that is allowed: a
 * provider that is slow for some must not take the places of the others.
 */
export const LISTENERS_PER_PLACE = 4;

/**
 * Places that are kept free for readers at most: of many places one falls free every other moment, and
 * a reader who waits is the first to have it.
 */
const KEPT_FREE = 8;

interface Waiter {
  enter: () => void;
}

/**
 * Bounds the calls in flight to one provider: by a ceiling, and below it by what the last calls have shown,
 * see {@link CallWindow}. Readers, who have somebody waiting, go before the
 * backlog: they are queued, the backlog only ever takes what is free, and a quarter, at most
 * {@link KEPT_FREE}, is kept free from it.
 */
export class ConcurrencyLimit {
  private active = 0;
  private listeners = 0;
  private readonly queue: Waiter[] = [];
  private readonly freed = new Signal();
  private window: CallWindow;
  /** Calls that were in flight lately. */
  private used = 0;

  /**
   * @param ceiling calls per second at most; none unless given
   * @param clock tells how old is what calls have shown; they don't count unless given
   */
  constructor(
    private readonly maximum: number,
    private readonly ceiling?: RateCeiling,
    private readonly clock?: Pick<Clock, 'now'>,
  ) {
    this.window = newWindow(maximum);
  }

  get inFlight(): number {
    return this.active;
  }

  get waiting(): number {
    return this.queue.length;
  }

  /** Calls in flight at most, by what the last ones have shown. */
  get places(): number {
    if (!this.clock) return this.maximum;
    return windowSize(this.window, { ceiling: this.maximum, now: this.clock.now() });
  }

  /** Calls of the backlog in flight at most, at a provider that is well. */
  get backlogSize(): number {
    return withoutKept(this.maximum);
  }

  /** Whether some calls have just met trouble: what is in doubt is to be looked at before anything else. */
  get isWary(): boolean {
    return this.clock !== undefined && isWary(this.window);
  }

  /** A call ended like this. To be told before its place is given back. */
  ended(end: CallEnd): void {
    if (!this.clock) return;
    const bounds = { ceiling: this.maximum, now: this.clock.now() };
    this.window = afterCall(this.window, end, Math.max(this.active, this.used), bounds);
    this.used = Math.max(this.active, this.used - 1);
    this.letIn();
  }

  /** Calls back whenever a place falls free. @returns a way to hear no more of it */
  onPlaceFree(callback: () => void): () => void {
    return this.freed.on(callback);
  }

  /** Places that should be free before more of the backlog is claimed. */
  get minimumBatch(): number {
    return Math.max(1, Math.floor(withoutKept(this.places) / 4));
  }

  /** How many calls the backlog may start now. */
  get roomForBacklog(): number {
    if (this.queue.length > 0) return 0;
    return Math.max(
      0,
      Math.min(withoutKept(this.places) - this.active, this.ceiling?.available ?? Infinity),
    );
  }

  /** Takes a place without waiting, whether or not there is one: for work already claimed. */
  enter(): void {
    this.ceiling?.take();
    this.begin();
  }

  /** Waits for a place, for so many milliseconds at most. @returns whether there was one */
  async wait(milliseconds: number, clock: Clock): Promise<boolean> {
    const pause = this.ceiling?.take() ?? 0;
    if (pause > milliseconds) return false;
    if (pause > 0) await clock.sleep(pause);
    return this.waitForPlace(milliseconds - pause, clock);
  }

  private async waitForPlace(milliseconds: number, clock: Clock): Promise<boolean> {
    if (this.active < this.places) {
      this.begin();
      return true;
    }
    const waiter: Waiter = { enter: () => undefined };
    const entered = new Promise<true>((resolve) => {
      waiter.enter = () => {
        resolve(true);
      };
    });
    this.queue.push(waiter);
    if (await withTimeLimit(clock, milliseconds, entered)) return true;
    const place = this.queue.indexOf(waiter);
    // Handed a place in the very moment of giving up: it is ours after all.
    if (place < 0) return true;
    this.queue.splice(place, 1);
    return false;
  }

  /**
   * Gives the place of a call back that is listened to further. @returns false when there are too
   * many of these: then the call keeps its place
   */
  listen(): boolean {
    if (this.listeners >= this.maximum * LISTENERS_PER_PLACE) return false;
    this.listeners += 1;
    this.leave();
    return true;
  }

  /** A call that gave its place back has ended. */
  heard(): void {
    this.listeners -= 1;
  }

  /** Gives a place back; the next reader in line gets it. */
  leave(): void {
    this.active -= 1;
    this.letIn();
    if (this.queue.length === 0) this.freed.happened();
  }

  private letIn(): void {
    while (this.queue.length > 0 && this.active < this.places) {
      this.begin();
      this.queue.shift()?.enter();
    }
  }

  private begin(): void {
    this.active += 1;
    this.used = Math.max(this.used, this.active);
  }
}

/** Without the places that are kept for readers. */
const withoutKept = (places: number): number =>
  places - Math.min(KEPT_FREE, Math.floor(places / 4));
