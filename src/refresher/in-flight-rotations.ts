import { Signal } from '../common/index.js';
import type { Clock } from '../common/index.js';
import type { Lease } from '../grants/index.js';

/** Milliseconds between looks at whether everything has ended. */
const DRAIN_POLL_MS = 10;

export interface InFlightSettings {
  /** Names this process in its leases. */
  readonly owner: string;
  /** Milliseconds. */
  readonly leaseDuration: number;
  /** What a claim asks of the database, see {@link Lease}. */
  readonly standing: () => Pick<Lease, 'process' | 'beat' | 'now' | 'epoch'>;
  /** Whether leases that ran out may be taken over now. */
  readonly mayTakeOver: () => boolean;
  /**
   * Hears of rotations that ended with an error. Where the database is the reason there is nothing
   * to do: the lease runs out by itself, and the grant is in doubt until then.
   */
  readonly onFailure: (error: unknown) => void;
}

/** What a process has under way: its rotations, and the leases that it makes claims with. */
export class InFlightRotations {
  private isStopping = false;
  private readonly running = new Set<Promise<void>>();
  private readonly ended = new Signal();
  private claiming = 0;
  private leases = 0;

  constructor(private readonly settings: InFlightSettings) {}

  /** Nothing new is to be started from the schedule. */
  get stopping(): boolean {
    return this.isStopping;
  }

  stop(): void {
    this.isStopping = true;
    this.ended.happened();
  }

  /** Rotations, claims and runs through the backlog under way. */
  get active(): number {
    return this.running.size + this.claiming;
  }

  /** Rotations under way. */
  get rotations(): number {
    return this.running.size;
  }

  /** Milliseconds that a lease lasts. */
  get leaseMs(): number {
    return this.settings.leaseDuration;
  }

  /** Every claim is told from every other, so that a late word about one never ends the next. */
  lease(): Lease {
    const { owner, leaseDuration, mayTakeOver, standing } = this.settings;
    this.leases += 1;
    return {
      owner: `${owner}/${String(this.leases)}`,
      duration: leaseDuration,
      takeOver: mayTakeOver(),
      ...standing(),
    };
  }

  /** Counts a claim as work under way for as long as it takes. */
  async claim<T>(claiming: () => Promise<T>): Promise<T> {
    this.claiming += 1;
    try {
      return await claiming();
    } finally {
      this.claiming -= 1;
    }
  }

  /** Remembers a rotation until it has ended; whoever started it hears of its failure. */
  track(rotation: Promise<void>): void {
    const tracked = rotation.catch(this.settings.onFailure).finally(() => {
      this.running.delete(tracked);
      this.ended.happened();
    });
    this.running.add(tracked);
  }

  /** Calls back whenever a rotation has ended, or none is to be begun. @returns a way to end that */
  onEnd(callback: () => void): () => void {
    return this.ended.on(callback);
  }

  /** Waits, for so many milliseconds at most, until `idle` says that nothing is under way. */
  async drain(idle: () => boolean, patience: number, clock: Clock): Promise<void> {
    const deadline = clock.now() + patience;
    while (!idle() && clock.now() < deadline) await clock.sleep(DRAIN_POLL_MS);
  }
}
