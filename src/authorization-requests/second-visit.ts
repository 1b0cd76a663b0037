import { Inject, Injectable } from '@nestjs/common';
import { linksConfig, refreshConfig } from '../config/index.js';
import type { ConfigType } from '../config/index.js';
import { DatabaseClock } from '../database/index.js';
import { BrowserCookie, hashOf } from './browser-cookie.js';
import type { CallbackEnd } from './callback-end.js';
import { randomValue } from './pkce.js';
import { PublicShare } from './public-share.js';
import { stillAllowed } from './return-to.js';
import { VisitStore } from './visit.store.js';
import type { TakenRequest, Visit } from './visit.store.js';

/** Milliseconds between looks at whether the first visit has ended. */
const LOOK_MS = 150;
/** Milliseconds beyond one call to the provider that a first visit may take: repeats, storing. */
const BEYOND_CALL_MS = 20_000;

/**
 * Whether a further visit may be shown how the first one ended. The browser that made it may: it
 * has one of the cookies. Beside a first visit that is still under way no browser has its cookie
 * yet, and whoever brings the same answer made the same visit twice. Afterwards a callback's URL
 * alone, out of a log or a history, says no more.
 */
const mayShowEnd = (taken: Omit<TakenRequest, 'returnTo' | 'httpStatus' | 'id'>): boolean =>
  taken.endedHere || (taken.status === 'pending' && (taken.begunHere || !taken.bound));

/**
 * Answers a further visit of a callback as the first one was answered, on whatever replica: a
 * reload, the back button, a request that a browser made twice.
 */
@Injectable()
export class SecondVisit {
  private readonly patienceMs: number;

  constructor(
    @Inject(refreshConfig.KEY) refresh: ConfigType<typeof refreshConfig>,
    @Inject(linksConfig.KEY) private readonly links: ConfigType<typeof linksConfig>,
    private readonly visits: VisitStore,
    private readonly cookies: BrowserCookie,
    private readonly share: PublicShare,
    private readonly clock: DatabaseClock,
  ) {
    this.patienceMs = refresh.providerTimeoutMs + BEYOND_CALL_MS;
  }

  /** @returns undefined for a visit that is not a second one of the same browser */
  async end(visit: Visit): Promise<CallbackEnd | undefined> {
    const first = await this.share.run(() => this.visits.taken(visit));
    if (!first || !mayShowEnd(first)) return undefined;
    const taken = await this.settled(visit, first);
    const status = taken.status === 'expired' ? 'failed' : taken.status;
    return {
      requestId: taken.id,
      status,
      returnTo: stillAllowed(taken.returnTo, this.links.returnUrlAllowlist),
      httpStatus: taken.httpStatus ?? (status === 'failed' ? 400 : 200),
      setCookies: first.endedHere ? [] : await this.remember(taken.id),
    };
  }

  private async settled(visit: Visit, first: TakenRequest): Promise<TakenRequest> {
    const deadline = performance.now() + this.patienceMs;
    let taken = first;
    while (taken.status === 'pending' && performance.now() < deadline) {
      await this.clock.sleep(LOOK_MS);
      taken = (await this.share.run(() => this.visits.taken(visit))) ?? taken;
    }
    return taken;
  }

  private async remember(id: string): Promise<string[]> {
    const secret = randomValue();
    const kept = await this.visits.addVisitor(id, hashOf(secret));
    return kept ? [this.cookies.set('end', id, secret)] : [];
  }
}
