import { Inject, Injectable } from '@nestjs/common';
import { refreshConfig } from '../config/index.js';
import type { ConfigType } from '../config/index.js';
import { DatabaseClock } from '../database/index.js';
import { BackgroundWorks } from '../lifecycle/index.js';

/** The browser, or the service, that something is brought to its end for. */
export interface WaitingCaller {
  /** It was answered: what is stored from now on may be overtaken by what it did since. */
  readonly gone: boolean;
  /** Has it wait for one call to a provider, though no longer than `PROVIDER_TIMEOUT`. */
  watch<T>(call: Promise<T>): Promise<T>;
}

/**
 * Work that goes on after its callers were answered. A code works once, and an account is made once:
 * an answer that comes late holds tokens that nobody can ask for again, so it is listened for, and
 * stored when it comes.
 */
@Injectable()
export class LateAnswers {
  private readonly underWay = new Set<Promise<unknown>>();
  private readonly patienceMs: number;

  constructor(
    @Inject(refreshConfig.KEY) { providerTimeoutMs }: ConfigType<typeof refreshConfig>,
    private readonly clock: DatabaseClock,
    works: BackgroundWorks,
  ) {
    this.patienceMs = providerTimeoutMs;
    const nothing = () => undefined;
    const drain = async () => {
      await Promise.allSettled(this.underWay);
    };
    works.add({ start: nothing, stop: nothing, drain });
  }

  /**
   * Runs a piece of work to its end.
   *
   * @param run has the caller watch each of its calls to the provider
   * @param failedLate is told of what it throws when the caller has been answered already
   * @returns undefined as soon as one of them takes longer than `PROVIDER_TIMEOUT`; the work goes
   *   on
   */
  runToEnd<End>(
    run: (caller: WaitingCaller) => Promise<End>,
    failedLate: (error: unknown) => void,
  ): Promise<End | undefined> {
    let leave: () => void = () => undefined;
    const caller = {
      gone: false,
      watch: <T>(call: Promise<T>) =>
        this.watch(call, () => {
          leave();
        }),
    };
    const left = new Promise<undefined>((resolve) => {
      leave = () => {
        caller.gone = true;
        resolve(undefined);
      };
    });
    const work = run(caller);
    this.underWay.add(work);
    void work
      .catch((error: unknown) => {
        if (caller.gone) failedLate(error);
      })
      .finally(() => this.underWay.delete(work));
    return Promise.race([work, left]);
  }

  private async watch<T>(call: Promise<T>, leave: () => void): Promise<T> {
    const answered = this.clock.after(this.patienceMs, leave);
    try {
      return await call;
    } finally {
      answered();
    }
  }
}
