import { randomUUID } from 'node:crypto';
import { Inject, Injectable, Optional } from '@nestjs/common';
import {
  DEFAULT_CONNECTION,
  Log,
  StorageUnavailableError,
  accountExists,
  invalidRequest,
  outcomeUnknown,
  partnerCredentialsRefused,
  providerRefused,
  providerUnavailable,
} from '../common/index.js';
import type { VaultError } from '../common/index.js';
import { ConsentRecorder, LateAnswers } from '../consents/index.js';
import type { WaitingCaller } from '../consents/index.js';
import { Database, DatabaseClock } from '../database/index.js';
import { Metrics } from '../metrics/index.js';
import { ProviderError, StitchConnectProvider } from '../providers/index.js';
import type { AccountRefusal, NewAccount } from '../providers/index.js';
import { GrantLinker } from '../grants/index.js';
import { TokenReader } from '../tokens/index.js';

/** Seconds after which a caller may ask again about a provider in trouble. */
const RETRY_AFTER_SECONDS = 5;

/** What only stitchdata.com has: client accounts made by a partner, and ephemeral sessions. */
@Injectable()
export class StitchConnectService {
  constructor(
    @Optional()
    @Inject(StitchConnectProvider)
    private readonly provider: StitchConnectProvider | undefined,
    private readonly linker: GrantLinker,
    private readonly recorder: ConsentRecorder,
    private readonly lateAnswers: LateAnswers,
    private readonly database: Database,
    private readonly reader: TokenReader,
    private readonly clock: DatabaseClock,
    private readonly metrics: Metrics,
    private readonly log: Log,
  ) {}

  /**
   * Creates a client account with the partner credentials and stores its permanent token. An answer
   * that comes after the caller was answered is listened for and its token stored, as one is that no
   * database can take at first.
   *
   * @returns the account's number
   * @throws VaultError 400, 409 `account_exists`, 502 `partner_credentials_refused`,
   *   `provider_refused` or `outcome_unknown`, 503 `provider_unavailable` or `storage_unavailable`
   */
  async createAccount(userId: string, account: NewAccount): Promise<number> {
    const provider = this.configured();
    // An account cannot be made twice, so none is made whose token has nowhere to go.
    if (!this.database.available) throw new StorageUnavailableError();
    const names = { provider: provider.name, user_id: userId };
    const number = await this.lateAnswers.runToEnd(
      (caller) => this.create(provider, userId, account, caller),
      (error) => {
        this.log.failure('stitch_connect.failed', error, names);
      },
    );
    if (number === undefined) throw outcomeUnknown(new Error('no answer in time'));
    return number;
  }

  /** Creates an account and stores its token, however late the answer comes. */
  private async create(
    provider: StitchConnectProvider,
    userId: string,
    account: NewAccount,
    caller: WaitingCaller,
  ): Promise<number> {
    const askedAt = this.clock.now();
    const created = await this.asked(() => caller.watch(provider.createAccount(account)), 'once');
    if ('kind' in created) throw this.refused(created);
    const grant = this.linker.seal({
      provider: provider.name,
      userId,
      connection: DEFAULT_CONNECTION,
      grantId: randomUUID(),
      status: 'active',
      issued: created,
      askedAt,
      requestedScopes: [],
    });
    const link = { requestId: null, status: 'completed', grant } as const;
    const end = await this.recorder.store(link, caller.gone);
    // Not `storage_unavailable`: that would invite to try again, and the account is there.
    if (end !== 'stored') throw outcomeUnknown(new Error(`its token is ${end}`));
    this.log.event('info', 'grant.linked', { provider: provider.name, user_id: userId });
    return created.accountId ?? 0;
  }

  /**
   * A session token for the user's browser; never stored.
   *
   * @throws VaultError as reading a token does; 409 `reauthorization_required` when the API refuses
   *   the stored token, which is suspended then; 502 `provider_refused`, 503 `provider_unavailable`
   */
  async createSession(userId: string): Promise<string> {
    const provider = this.configured();
    const key = { provider: provider.name, userId, connection: DEFAULT_CONNECTION };
    const served = await this.reader.read(key, { minTtl: undefined, scopes: [] });
    const session = await this.asked(
      () => provider.createSession(served.accessToken),
      'repeatable',
    );
    if (session !== undefined) return session;
    // Suspends it, or answers with a token that has replaced it meanwhile.
    const current = await this.reader.reject(key, served.grant.version);
    const second = await this.asked(
      () => provider.createSession(current.accessToken),
      'repeatable',
    );
    if (second !== undefined) return second;
    throw providerUnavailable(RETRY_AFTER_SECONDS);
  }

  private configured(): StitchConnectProvider {
    if (this.provider) return this.provider;
    throw invalidRequest({ provider: ['stitch-connect is not configured'] });
  }

  /**
   * Runs a provider call and says what its failure means to a caller.
   *
   * @param effect `repeatable`: nothing is lost by another try, so a lost answer is an outage like
   *   any other
   */
  private async asked<T>(call: () => Promise<T>, effect: 'once' | 'repeatable'): Promise<T> {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof ProviderError)) throw error;
      this.log.event('warn', 'stitch_connect.failed', { kind: error.kind, reason: error.reason });
      if (error.leavesDoubt && effect === 'once') throw outcomeUnknown(error);
      // About this one request: asking again without a change would end the same way.
      if (!error.concernsProvider) throw providerRefused(error);
      const asked = Math.ceil((error.retryAfter ?? 0) / 1000);
      throw providerUnavailable(Math.max(RETRY_AFTER_SECONDS, asked), error);
    }
  }

  private refused(refusal: AccountRefusal): VaultError {
    switch (refusal.kind) {
      case 'existing_user':
        return accountExists();
      case 'credentials':
        this.metrics.credentialRefusals.inc({ provider: 'stitch-connect' });
        this.log.event('error', 'stitch_connect.credentials_refused');
        return partnerCredentialsRefused();
      case 'invalid':
        return invalidRequest(
          Object.fromEntries(
            refusal.fields.map((field) => [field, ['is refused by the provider']]),
          ),
        );
    }
  }
}
