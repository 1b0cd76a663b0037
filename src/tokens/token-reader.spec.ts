import { performance } from 'node:perf_hooks';
import { sampleGrant } from '../../test/support/sample-grant.js';
import { DatabaseClock } from '../database/index.js';
import type { Grant } from '../grants/index.js';
import type { GrantRefresher, RefreshOutcome } from './grant-refresher.js';
import { TokenReader } from './token-reader.service.js';

type Needs = ConstructorParameters<typeof TokenReader>;

const KEY = { provider: 'p', userId: 'u', connection: 'c' };

/** A reader whose only grant has five seconds left of twelve, and a clock that the test sets. */
class Vault {
  private readonly clock = new DatabaseClock();
  private offset = 0;
  private readonly grant: Grant;

  constructor(private readonly answer: () => RefreshOutcome) {
    this.setClock(0);
    const obtainedAt = this.clock.now() - 7000;
    const expiresAt = obtainedAt + 12_000;
    this.grant = sampleGrant({ ...KEY, obtainedAt, expiresAt, refreshToken: Buffer.of(1) });
  }

  setClock(by: number): void {
    this.offset += by;
    const now = performance.now();
    this.clock.set(1_800_000_000_000 + now + this.offset, now, now);
  }

  read(): ReturnType<TokenReader['read']> {
    const cache = { get: () => undefined, epoch: () => 0, set: () => undefined };
    const refresher: GrantRefresher = { refresh: () => Promise.resolve(this.answer()) };
    const reader = new TokenReader(
      { minTtlSeconds: 30, providerTimeoutMs: 10_000 } as Needs[0],
      cache as unknown as Needs[1],
      undefined as unknown as Needs[2],
      { load: () => Promise.resolve(this.grant) } as unknown as Needs[3],
      { open: (grant: Grant) => ({ grant }) } as unknown as Needs[4],
      refresher,
      this.clock,
      undefined as unknown as Needs[7],
    );
    return reader.read(KEY, { minTtl: undefined, scopes: [] });
  }
}

describe('a read that waits for a better token', () => {
  const AWAY: readonly RefreshOutcome[] = [
    { kind: 'provider_unavailable', retryAfter: 1000 },
    { kind: 'storage_unavailable' },
    { kind: 'key_unavailable' },
  ];

  it.each(AWAY)('is served what is still alive: $kind', async (away) => {
    const vault = new Vault(() => away);
    await expect(vault.read()).resolves.toMatchObject({ grant: { userId: 'u' } });
  });

  it.each(AWAY)(
    'is not served by a clock that was set back while it waited: $kind',
    async (away) => {
      const vault = new Vault(() => {
        vault.setClock(-8000);
        return away;
      });
      await expect(vault.read()).rejects.toMatchObject({ status: 503 });
    },
  );
});
