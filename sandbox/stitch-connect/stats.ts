import type { ConnectCall } from './switches.js';

/** What the server has seen and done. */
export class StitchConnectStats {
  tokenCalls = 0;
  accountCalls = 0;
  sessionCalls = 0;
  sourceCalls = 0;
  /** Calls that met the switched-on fault. */
  faults = 0;

  constructor(private readonly countLive: () => number) {}

  get liveAccessTokens(): number {
    return this.countLive();
  }

  count(call: ConnectCall): void {
    if (call === 'token') this.tokenCalls += 1;
    else if (call === 'accounts') this.accountCalls += 1;
    else if (call === 'sessions') this.sessionCalls += 1;
    else this.sourceCalls += 1;
  }

  /** The counts that may be shown over HTTP. */
  snapshot(): Record<string, number> {
    const { tokenCalls, accountCalls, sessionCalls, sourceCalls, faults, liveAccessTokens } = this;
    return { tokenCalls, accountCalls, sessionCalls, sourceCalls, faults, liveAccessTokens };
  }

  reset(): void {
    this.tokenCalls = this.accountCalls = this.sessionCalls = this.sourceCalls = this.faults = 0;
  }
}
