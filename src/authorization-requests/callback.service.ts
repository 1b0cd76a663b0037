import { Inject, Injectable } from '@nestjs/common';
import { invalidCallback, notFound } from '../common/index.js';
import { linksConfig } from '../config/index.js';
import type { ConfigType } from '../config/index.js';
import { ProviderRegistry } from '../providers/index.js';
import { AnsweredRequestService } from './answered-request.service.js';
import { BrowserCookie, hashOf } from './browser-cookie.js';
import type { CallbackEnd } from './callback-end.js';
import { answerHash, parseCallbackQuery } from './callback-query.js';
import { randomValue } from './pkce.js';
import { PublicShare } from './public-share.js';
import { ClaimStore } from './claim.store.js';
import { SecondVisit } from './second-visit.js';

/** Receives browsers that come back from a provider: of all visits with one answer, one takes it. */
@Injectable()
export class CallbackService {
  constructor(
    @Inject(linksConfig.KEY) private readonly config: ConfigType<typeof linksConfig>,
    private readonly providers: ProviderRegistry,
    private readonly claims: ClaimStore,
    private readonly share: PublicShare,
    private readonly answered: AnsweredRequestService,
    private readonly cookies: BrowserCookie,
    private readonly secondVisits: SecondVisit,
  ) {}

  /**
   * Handles one arrival of a provider's answer in a user's browser.
   *
   * @param query the raw query string
   * @param cookies the raw `Cookie` header
   * @throws VaultError 400 when the answer belongs to no request that waits for one, 404 for a
   *   provider that is not configured, 503 while the database is away (the answer stays usable)
   */
  async finish(providerName: string, query: string, cookies?: string): Promise<CallbackEnd> {
    const guarded = this.providers.find(providerName);
    if (!guarded) throw notFound();
    const parsed = parseCallbackQuery(query);
    const begun = this.cookies.brought('link', cookies);
    const ended = this.cookies.brought('end', cookies);
    const { echoesState } = guarded.provider.capabilities;
    const proven = echoesState ? parsed?.state !== undefined : begun.length > 0 || ended.length > 0;
    if (!parsed || !proven) throw invalidCallback();
    const state = echoesState ? parsed.state : undefined;
    const visitor = randomValue();
    const visit = {
      sameBrowser: this.config.sameBrowser,
      answerHash: answerHash(providerName, state, parsed.answer),
    };
    const proof = {
      ...visit,
      state,
      browsers: begun.map(({ hash }) => hash),
      visitor: hashOf(visitor),
    };
    const request = await this.share.run(() => this.claims.claim(providerName, proof));
    if (!request) {
      const end = await this.secondVisits.end({ ...visit, provider: providerName, begun, ended });
      if (!end) throw invalidCallback();
      return end;
    }
    const end = await this.answered.finish(request, guarded.provider, parsed);
    const { id } = request;
    const setCookies = [this.cookies.clear('link', id), this.cookies.set('end', id, visitor)];
    return { ...end, setCookies };
  }
}
