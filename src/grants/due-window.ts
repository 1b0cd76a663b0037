import { performance } from 'node:perf_hooks';

/** Milliseconds that a look at all that is due may take without further ado. */
const CHEAP_MS = 200;
/** How many times as long as a dear one took nothing is looked at but what became due since. */
const PAUSE_FACTOR = 20;
/** Milliseconds that are looked at once more: transactions under way, steps of the clock, leases not run out. */
const MARGIN_MS = 10_000;

/**
 * How far back a look for due grants goes. Each rotation leaves dead entries at the front of the index, which
 * PostgreSQL has to pass for as long as some transaction may still see them: a dump, a standby's query, a session
 * that somebody forgot. After an hour of those every look at all of it takes seconds, and then none ends in
 * time. So a dear look is followed by others that begin where it ended, at what was due then (decision 0042).
 */
export class DueWindow {
  private begun = -Infinity;
  private dearFor = 0;
  /** When the last look began that found all there was. */
  private clearedAt: number | undefined;

  constructor(private readonly monotonic: () => number = () => performance.now()) {}

  /** Milliseconds before now from which on to look; null for everything. */
  get lookBackMs(): number | null {
    const now = this.monotonic();
    if (this.clearedAt === undefined || now - this.begun >= this.dearFor) return null;
    return now - this.clearedAt + MARGIN_MS;
  }

  /**
   * Looks.
   *
   * @param limit with so many it has left some
   * @param mayTakeAll whether it may take all that it meets: what it may not take now is looked for once more
   * @param look gets the milliseconds to look back, and returns what it found
   */
  async look<T>(
    limit: number,
    mayTakeAll: boolean,
    look: (back: number | null) => Promise<T[]>,
  ): Promise<T[]> {
    const back = this.lookBackMs;
    const at = this.monotonic();
    try {
      const found = await look(back);
      if (found.length < limit && mayTakeAll) this.clearedAt = at;
      return found;
    } catch (error) {
      // It may have been too dear for its deadline: something has to be found meanwhile.
      if (back === null) this.clearedAt ??= at;
      throw error;
    } finally {
      if (back === null) this.looked(at);
    }
  }

  private looked(at: number): void {
    const took = this.monotonic() - at;
    this.begun = at + took;
    this.dearFor = took > CHEAP_MS ? took * PAUSE_FACTOR : 0;
  }
}

/** How far back is looked for what is in doubt, and for what is due. */
interface Windows {
  readonly doubt: DueWindow;
  readonly due: DueWindow;
}

/** The windows of each provider. */
export class DueWindows {
  private readonly byProvider = new Map<string, Windows>();

  of(provider: string): Windows {
    const windows = this.byProvider.get(provider) ?? {
      doubt: new DueWindow(),
      due: new DueWindow(),
    };
    this.byProvider.set(provider, windows);
    return windows;
  }
}
