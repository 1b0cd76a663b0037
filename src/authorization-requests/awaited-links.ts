import { Inject, Injectable } from '@nestjs/common';
import { Log } from '../common/index.js';
import { refreshConfig } from '../config/index.js';
import type { ConfigType } from '../config/index.js';
import { DatabaseClock } from '../database/index.js';
import { BackgroundWorks } from '../lifecycle/index.js';

/** The browser that a link is brought to its end for. */
export interface WaitingBrowser {
  /** It was answered: what is stored from now on may be overtaken by what it did since. */
  readonly gone: boolean;
  /** Has it wait for one call to a provider, though no longer than `PROVIDER_TIMEOUT`. */
  watch<T>(call: Promise<T>): Promise<T>;
}

/**
 * Links that go on after their browsers were answered. A code works once: an answer that comes late
 * holds tokens that nobody can ask for again, so it is listened for, and stored when it comes.
 */
@Injectable()
export class AwaitedLinks {
  private readonly underWay = new Set<Promise<unknown>>();
  private readonly patienceMs: number;

  constructor(
    @Inject(refreshConfig.KEY) { providerTimeoutMs }: ConfigType<typeof refreshConfig>,
    private readonly clock: DatabaseClock,
    private readonly log: Log,
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
   * Brings a link to its end.
   *
   * @param run has the browser watch each of its calls to the provider
   * @returns undefined as soon as one of them takes longer than `PROVIDER_TIMEOUT`; the link goes on
   */
  within<End>(
    requestId: string,
    run: (browser: WaitingBrowser) => Promise<End>,
  ): Promise<End | undefined> {
    let leave: () => void = () => undefined;
    const browser = {
      gone: false,
      watch: <T>(call: Promise<T>) =>
        this.watch(call, () => {
          leave();
        }),
    };
    const left = new Promise<undefined>((resolve) => {
      leave = () => {
        browser.gone = true;
        resolve(undefined);
      };
    });
    const link = run(browser);
    this.underWay.add(link);
    void link
      .catch((error: unknown) => {
        if (!browser.gone) return;
        const said = { authorization_request: requestId };
        this.log.failure('authorization_request.exchange_failed', error, said);
      })
      .finally(() => this.underWay.delete(link));
    return Promise.race([link, left]);
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
