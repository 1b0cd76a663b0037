import { Injectable } from '@nestjs/common';
import { ProviderRegistry } from '../providers/index.js';
import { authorizationUrlOf } from './authorization-url.js';
import { BrowserCookie } from './browser-cookie.js';
import { unusable } from './callback.service.js';
import { randomValue } from './pkce.js';
import { RequestSecrets } from './request-secrets.js';
import { RequestStore } from './request.store.js';

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
    private readonly requests: RequestStore,
    private readonly secrets: RequestSecrets,
    private readonly cookies: BrowserCookie,
  ) {}

  /** @throws VaultError 400 for a request that is unknown, used or expired: one is like the other */
  async start(id: string): Promise<StartedLink> {
    if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id)) throw unusable();
    const secret = randomValue();
    const request = await this.requests.start(id, this.cookies.hash(secret));
    const guarded = request && this.providers.find(request.provider);
    if (!guarded) throw unusable();
    const prefill = request.prefill
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
      setCookie: this.cookies.set(id, secret),
    };
  }
}
