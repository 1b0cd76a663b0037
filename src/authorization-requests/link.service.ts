import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import {
  Log,
  StorageUnavailableError,
  assertMayTouchGrant,
  invalidRequest,
} from '../common/index.js';
import type { Caller } from '../common/index.js';
import { linksConfig, listenersConfig } from '../config/index.js';
import type { ConfigType } from '../config/index.js';
import { BackgroundWorks } from '../lifecycle/index.js';
import { ProviderRegistry } from '../providers/index.js';
import type { TokenProvider } from '../providers/index.js';
import { authorizationUrlOf } from './authorization-url.js';
import { ConfirmationExpiry } from './confirmation-expiry.js';
import { codeChallengeOf, randomValue } from './pkce.js';
import { verifierFor } from './request-terms.js';
import { ownRequest } from './request-owner.js';
import { RequestSecrets } from './request-secrets.js';
import { RequestStore } from './request.store.js';
import type { RequestView } from './request.store.js';
import { checkReturnTo } from './return-to.js';

/** Milliseconds between two purges of ended requests. */
const PURGE_INTERVAL_MS = 60_000;

/** Requests of a user that are shown at once: those of a day, far more than a person makes. */
const MOST_SHOWN = 100;

/** What a caller wants linked. */
export interface LinkParameters {
  readonly userId: string;
  readonly provider: string;
  readonly connection: string;
  readonly scopes: readonly string[] | undefined;
  readonly returnTo: string | undefined;
  readonly confirm: boolean;
  /** Details for the provider's sign-up form, by its parameter names. */
  readonly prefill: Readonly<Record<string, string>>;
}

/** A link that was begun: where to send the user's browser, and until when. */
export interface BegunLink {
  readonly id: string;
  readonly authorizationUrl: string;
  readonly expiresAt: Date;
}

/** Begins links and tells their status. */
@Injectable()
export class LinkService {
  constructor(
    @Inject(linksConfig.KEY) private readonly config: ConfigType<typeof linksConfig>,
    @Inject(listenersConfig.KEY) private readonly listeners: ConfigType<typeof listenersConfig>,
    private readonly providers: ProviderRegistry,
    private readonly requests: RequestStore,
    private readonly secrets: RequestSecrets,
    private readonly expiry: ConfirmationExpiry,
    private readonly log: Log,
    works: BackgroundWorks,
  ) {
    works.every('purge-authorization-requests', PURGE_INTERVAL_MS, () => this.purge());
  }

  /**
   * Stores a request with a fresh state, nonce and code verifier of 256 random bits each, and
   * builds the URL to consent at.
   *
   * @throws VaultError 400 `invalid_request`, 403 `forbidden`, 502 `provider_misconfigured`, 503
   *   `provider_unavailable`
   */
  async begin(caller: Caller, wanted: LinkParameters): Promise<BegunLink> {
    assertMayTouchGrant(caller, wanted);
    const { provider } = this.providers.require(wanted.provider);
    const returnTo = checkReturnTo(wanted.returnTo, this.config.returnUrlAllowlist);
    const scopes = scopesToAsk(provider, wanted.scopes);
    const id = randomUUID();
    const state = randomValue();
    const nonce = randomValue();
    const redirectUri = `${this.listeners.public.url}/callback/${provider.name}`;
    const terms = {
      id,
      state,
      userId: wanted.userId,
      provider: provider.name,
      connection: wanted.connection,
      redirectUri,
      scopes,
      returnTo,
      confirm: wanted.confirm,
    };
    const codeVerifier = verifierFor(terms);
    const codeChallenge = codeChallengeOf(codeVerifier);
    // Where the callback must recognise the browser, the browser has to get a cookie here first.
    const direct = provider.capabilities.echoesState && !this.config.sameBrowser;
    const parameters = { redirectUri, state, nonce, codeChallenge, scopes, prefill: {} };
    const authorizationUrl = direct
      ? await authorizationUrlOf(provider, parameters)
      : `${this.listeners.public.url}/authorize/${id}`;
    const expiresAt = await this.requests.insert(
      {
        ...terms,
        codeVerifier: this.secrets.seal(codeVerifier, 'code_verifier', id),
        codeChallenge,
        nonce: this.secrets.seal(nonce, 'nonce', id),
        prefill: this.sealPrefill(provider, wanted.prefill, id),
        clientId: caller.id,
      },
      this.config.requestTtlSeconds,
    );
    return { id, authorizationUrl, expiresAt };
  }

  /** @throws VaultError 404 `not_found`, or 403 `forbidden` to a restricted client */
  async status(caller: Caller, id: string): Promise<RequestView> {
    return ownRequest(caller, await this.requests.view(id));
  }

  /** The status of a user's links, newest first, for an operator. */
  statusOfUser(userId: string): Promise<RequestView[]> {
    return this.requests.viewOfUser(userId, MOST_SHOWN);
  }

  /** Discards what nobody confirmed, and removes requests that have ended long ago. */
  async purge(): Promise<void> {
    try {
      await this.expiry.run();
      const purged = await this.requests.purge();
      if (purged > 0) this.log.event('debug', 'authorization_requests.purged', { count: purged });
    } catch (error) {
      // Ended requests can wait until the database is back.
      if (!(error instanceof StorageUnavailableError)) this.log.failure('purge.failed', error);
    }
  }

  private sealPrefill(provider: TokenProvider, prefill: LinkParameters['prefill'], id: string) {
    const names = Object.keys(prefill);
    if (names.length === 0) return null;
    if (!provider.capabilities.prefill) {
      throw invalidRequest(
        Object.fromEntries(names.map((name) => [name, ['is not taken by this provider']])),
      );
    }
    return this.secrets.seal(JSON.stringify(prefill), 'prefill', id);
  }
}

/** The scopes to ask for: the caller's or the provider's defaults, and what it always needs. */
function scopesToAsk(provider: TokenProvider, wanted: readonly string[] | undefined): string[] {
  if (wanted !== undefined && !provider.capabilities.scopes) {
    throw invalidRequest({ scopes: ['this provider knows no scopes'] });
  }
  return [...new Set([...provider.requiredScopes, ...(wanted ?? provider.defaultScopes)])];
}
