import { Injectable } from '@nestjs/common';
import { invalidCallback } from '../common/index.js';
import { ProviderRegistry } from '../providers/index.js';
import { authorizationUrlOf } from './authorization-url.js';
import { BrowserCookie, hashOf } from './browser-cookie.js';
import { randomValue } from './pkce.js';
import { RequestAuthenticity } from './request-authenticity.js';
import { RequestSecrets } from './request-secrets.js';
import { ClaimStore } from './claim.store.js';

/** Where a started link goes on, and the cookie that it must come back with. */
export interface StartedLink {
  readonly authorizationUrl: string;
  readonly setCookie: string;
}

/** Starts a link in a browser: the browser that ends it has to be the same. */
@Injectable()
export class StartService {
  constructor(
    private readonly providers: ProviderRegistry,
    private readonly claims: ClaimStore,
    private readonly secrets: RequestSecrets,
    private readonly authenticity: RequestAuthenticity,
    private readonly cookies: BrowserCookie,
  ) {}

  /** @throws VaultError 400 for a request that is unknown, used or expired: one is like the other */
  async start(id: string, cookies?: string): Promise<StartedLink> {
    if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id)) throw invalidCallback();
    // A browser that visits again keeps its cookie: it is one browser.
    const kept = this.cookies.brought('link', cookies).find(({ requestId }) => requestId === id);
    const secret = kept?.secret ?? randomValue();
    const request = await this.claims.start(id, hashOf(secret), (started) => {
      if (!this.authenticity.check(started)) throw invalidCallback();
    });
    const guarded = request && this.providers.find(request.provider);
    if (!guarded) throw invalidCallback();
    // For the first browser alone: whoever else has the URL is not shown whose link it is.
    const prefill =
      request.prefill && request.firstBrowser
        ? (JSON.parse(this.secrets.open(request.prefill, 'prefill', id)) as Record<string, string>)
        : {};
    const authorizationUrl = await authorizationUrlOf(guarded.provider, {
      redirectUri: request.redirectUri,
      state: request.state,
      nonce: this.secrets.open(request.nonce, 'nonce', id),
      codeChallenge: request.codeChallenge,
      scopes: request.scopes,
      prefill,
    });
    return {
      authorizationUrl,
      setCookie: this.cookies.set('link', id, secret),
    };
  }
}
