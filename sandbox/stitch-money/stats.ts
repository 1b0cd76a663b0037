import { hashOf } from '../common/secrets.js';

/** What the server has seen and done, for tests to hold a guarantee against. */
export class StitchMoneyStats {
  /** POSTs to the token endpoint, whatever came of them. */
  tokenCalls = 0;
  codeCalls = 0;
  refreshCalls = 0;
  clientCalls = 0;
  revocationCalls = 0;
  apiCalls = 0;
  /** Refreshes that issued a new refresh token. */
  rotations = 0;
  /** Refreshes answered only because of `graceSeconds`. */
  graceAnswers = 0;
  /** A used refresh token, presented again outside the grace. */
  reuseEvents = 0;
  /** An authorization code, presented again. */
  codeReuseEvents = 0;
  familiesRevoked = 0;
  /** Calls that met the switched-on fault. */
  faults = 0;
  /** Token calls being answered now, and the most there have been at once. */
  inFlight = 0;
  maxInFlight = 0;
  /** How often each refresh token was presented, by SHA-256, counted on arrival. */
  readonly presentations = new Map<string, number>();
  maxPresentations = 0;

  constructor(private readonly countLive: () => number) {}

  get liveAccessTokens(): number {
    return this.countLive();
  }

  enter(): void {
    this.inFlight += 1;
    this.maxInFlight = Math.max(this.maxInFlight, this.inFlight);
  }

  leave(): void {
    this.inFlight -= 1;
  }

  present(refreshToken: string): void {
    const hash = hashOf(refreshToken);
    const times = (this.presentations.get(hash) ?? 0) + 1;
    this.presentations.set(hash, times);
    this.maxPresentations = Math.max(this.maxPresentations, times);
  }

  /** How often this refresh token was presented. */
  presentationsOf(refreshToken: string): number {
    return this.presentations.get(hashOf(refreshToken)) ?? 0;
  }

  /** The counts that may be shown over HTTP. */
  snapshot(): Record<string, number> {
    const { tokenCalls, codeCalls, refreshCalls, clientCalls, revocationCalls, apiCalls } = this;
    const { rotations, graceAnswers, reuseEvents, codeReuseEvents, familiesRevoked } = this;
    const { faults, inFlight, maxInFlight, maxPresentations, liveAccessTokens } = this;
    return {
      ...{ tokenCalls, codeCalls, refreshCalls, clientCalls, revocationCalls, apiCalls },
      ...{ rotations, graceAnswers, reuseEvents, codeReuseEvents, familiesRevoked },
      ...{ faults, inFlight, maxInFlight, maxPresentations, liveAccessTokens },
      refreshTokensPresented: this.presentations.size,
    };
  }

  /** Back to nothing seen; calls in flight stay in flight. */
  reset(): void {
    this.tokenCalls = this.codeCalls = this.refreshCalls = this.clientCalls = 0;
    this.revocationCalls = this.apiCalls = this.faults = 0;
    this.rotations = this.graceAnswers = this.reuseEvents = this.codeReuseEvents = 0;
    this.familiesRevoked = this.maxPresentations = 0;
    this.maxInFlight = this.inFlight;
    this.presentations.clear();
  }
}
