import { Injectable } from '@nestjs/common';
import { Log } from '../common/index.js';
import { ConsentRecorder, LateAnswers } from '../consents/index.js';
import type { WaitingCaller } from '../consents/index.js';
import { DatabaseClock } from '../database/index.js';
import { isUnknownKey } from '../encryption/index.js';
import { GrantLinker } from '../grants/index.js';
import { Metrics } from '../metrics/index.js';
import { ProviderError, UnusedTokensError } from '../providers/index.js';
import type { CodeExchange, IssuedTokens, TokenProvider } from '../providers/index.js';
import type { CallbackEnd } from './callback-end.js';
import type { CallbackQuery } from './callback-query.js';
import { ClaimStore } from './claim.store.js';
import { ConsentNotes } from './consent-notes.js';
import { pauseBeforeRetry } from './exchange-retry.js';
import { RequestAuthenticity } from './request-authenticity.js';
import { RequestSecrets } from './request-secrets.js';
import type { EndStatus } from './request-status.js';
import { RequestStore } from './request.store.js';
import type { OpenRequest } from './request.store.js';

/** How a taken request ended, before the browser is told. */
type RequestEnd = Omit<CallbackEnd, 'setCookies'>;

/** Ends a request that a callback has taken: exchange, validate, seal, store. */
@Injectable()
export class AnsweredRequestService {
  constructor(
    private readonly requests: RequestStore,
    private readonly claims: ClaimStore,
    private readonly secrets: RequestSecrets,
    private readonly authenticity: RequestAuthenticity,
    private readonly linker: GrantLinker,
    private readonly lateAnswers: LateAnswers,
    private readonly recorder: ConsentRecorder,
    private readonly notes: ConsentNotes,
    private readonly clock: DatabaseClock,
    private readonly metrics: Metrics,
    private readonly log: Log,
  ) {}

  /** @param parsed the provider's answer, which no other visit has taken */
  async finish(
    request: OpenRequest,
    provider: TokenProvider,
    parsed: CallbackQuery,
  ): Promise<RequestEnd> {
    await this.assertReadable(request);
    if (!this.authenticity.check(request)) {
      // Nothing of it can be believed: not the user, and not where the browser is to go.
      return this.end({ ...request, returnTo: null }, 'failed', 'not_authentic', 400);
    }
    const { answer } = parsed;
    if (answer.kind === 'declined') return this.end(request, 'denied', 'access_denied', 200);
    if (answer.kind === 'error') return this.end(request, 'failed', answer.error, 400);
    // A provider that says who it is must be the one that was asked (RFC 9207 section 2.4).
    if (parsed.issuer !== undefined && parsed.issuer !== provider.issuer) {
      return this.end(request, 'failed', 'issuer_mismatch', 400);
    }
    const { id: requestId, returnTo } = request;
    const exchange = { code: answer.code, issuer: parsed.issuer };
    const end = await this.lateAnswers.runToEnd(
      (browser) => this.exchange(request, provider, exchange, browser),
      (error) => {
        const said = { authorization_request: requestId };
        this.log.failure('authorization_request.exchange_failed', error, said);
      },
    );
    return end ?? { requestId, returnTo, status: 'pending', httpStatus: 502 };
  }

  /**
   * Gives a request back that is sealed under a key which this replica lacks: nothing was presented,
   * and the browser that comes again may get to a replica that has it.
   *
   * @throws EncryptionError `unknown_key`
   */
  private async assertReadable(request: OpenRequest): Promise<void> {
    try {
      this.secrets.open(request.codeVerifier, 'code_verifier', request.id);
      this.secrets.open(request.nonce, 'nonce', request.id);
    } catch (error) {
      // Anything else is told of where the request is judged.
      if (!isUnknownKey(error)) return;
      await this.claims.giveBack(request.id);
      throw error;
    }
  }

  private async exchange(
    request: OpenRequest,
    provider: TokenProvider,
    answer: Pick<CodeExchange, 'code' | 'issuer'>,
    browser: WaitingCaller,
  ): Promise<RequestEnd> {
    const earlierSubject = await this.notes.earlierSubject(request);
    let issued: IssuedTokens;
    let askedAt: number;
    try {
      ({ issued, askedAt } = await this.exchangePatiently(request, provider, answer, browser));
    } catch (error) {
      if (!(error instanceof ProviderError)) throw error;
      // What was issued with it would live on at the provider, and nobody would know.
      if (error instanceof UnusedTokensError) {
        await this.linker.revokeUnused(request, error.refreshToken);
      }
      if (error.kind === 'invalid_client') {
        this.metrics.credentialRefusals.inc({ provider: provider.name });
      }
      this.log.event('warn', 'authorization_request.exchange_failed', {
        provider: provider.name,
        authorization_request: request.id,
        kind: error.kind,
        reason: error.reason,
      });
      const refused = error.kind === 'invalid_grant' || error.kind === 'rejected';
      return this.end(request, 'failed', error.reason, refused ? 400 : 502);
    }
    const status = request.confirm ? 'awaiting_confirmation' : 'completed';
    const grant = this.linker.seal({
      provider: request.provider,
      userId: request.userId,
      connection: request.connection,
      // What a consent brought is named after it, so that a confirmation finds just this.
      // A grant that works is replaced by it only then.
      grantId: request.id,
      status: request.confirm ? 'awaiting_confirmation' : 'active',
      issued,
      askedAt,
      requestedScopes: request.scopes,
    });
    const end = { requestId: request.id, returnTo: request.returnTo, httpStatus: 200 } as const;
    const kept = await this.recorder.store({ requestId: request.id, status, grant }, browser.gone);
    this.notes.tell(request, issued, earlierSubject);
    // The code is spent and the request claimed: only a new start helps.
    if (kept === 'lost') return { ...end, status: 'failed', httpStatus: 502 };
    if (kept === 'discarded') return { ...end, status: 'failed', httpStatus: 400 };
    if (kept === 'kept') return { ...end, status: 'pending' };
    this.log.event('info', 'grant.linked', {
      provider: request.provider,
      user_id: request.userId,
      connection: request.connection,
      authorization_request: request.id,
      status,
    });
    // It will end with the access token, and nobody but the user can do anything about it then.
    if (issued.refreshToken === null && issued.expiresIn !== null) {
      this.log.event('warn', 'grant.not_refreshable', {
        provider: request.provider,
        authorization_request: request.id,
        offline_access_asked_for: request.scopes.includes('offline_access'),
      });
    }
    return { ...end, status };
  }

  /** Exchanges a code; while the browser waits, once more after a failure that need not last. */
  private async exchangePatiently(
    request: OpenRequest,
    provider: TokenProvider,
    answer: Pick<CodeExchange, 'code' | 'issuer'>,
    browser: WaitingCaller,
  ) {
    const exchange = {
      ...answer,
      redirectUri: request.redirectUri,
      state: request.state,
      nonce: this.secrets.open(request.nonce, 'nonce', request.id),
      codeVerifier: this.secrets.open(request.codeVerifier, 'code_verifier', request.id),
      scopes: request.scopes,
    };
    const begunMs = performance.now();
    let first: ProviderError | undefined;
    for (let attempt = 1; ; attempt += 1) {
      const askedAt = this.clock.now();
      try {
        return { issued: await browser.watch(provider.exchangeCode(exchange)), askedAt };
      } catch (error) {
        // Once tokens were issued the code is spent.
        if (!(error instanceof ProviderError) || error instanceof UnusedTokensError) throw error;
        // A code that is refused now was used up by the try whose answer was lost.
        first ??= error;
        const pauseMs = pauseBeforeRetry(error, attempt, performance.now() - begunMs);
        if (pauseMs === undefined) throw error.kind === 'invalid_grant' ? first : error;
        await this.clock.sleep(pauseMs);
      }
    }
  }

  private async end(
    request: OpenRequest,
    status: EndStatus,
    error: string,
    httpStatus: number,
  ): Promise<RequestEnd> {
    await this.requests.end(request.id, status, error, undefined, { httpStatus });
    this.log.event('info', 'authorization_request.ended', {
      provider: request.provider,
      authorization_request: request.id,
      status,
      error,
    });
    return { requestId: request.id, status, returnTo: request.returnTo, httpStatus };
  }
}
