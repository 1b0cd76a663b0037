import { StorageUnavailableError } from '../common/index.js';
import type { Clock, Log } from '../common/index.js';
import type { ProviderTrustStore } from '../grants/index.js';
import type { GuardedProvider } from '../providers/index.js';
import type { RotationListener } from './rotation-listener.js';

/** Milliseconds between two notes that a provider answers in order. */
const NOTED_EVERY_MS = 1000;
/** Milliseconds between two attempts to have again what a provider that refuses many has cost. */
const DOUBTED_EVERY_MS = 60_000;

export interface ProviderTrustDependencies {
  readonly store: Pick<
    ProviderTrustStore,
    'suspectProvider' | 'trustProvider' | 'giveTurn' | 'caution'
  >;
  readonly listener: Pick<RotationListener, 'suspected'>;
  readonly clock: Clock;
  readonly log: Log;
}

/** Shares with the other replicas whether a provider is suspected, and when it answers in order. */
export class ProviderTrust {
  private readonly notedAt = new Map<string, number>();
  private readonly doubtedAt = new Map<string, number>();
  /** Providers of which the database has it that tokens were spent for nothing. */
  private readonly cautious = new Set<string>();

  constructor(private readonly dependencies: ProviderTrustDependencies) {}

  /** A call to the provider, which was made at that time, ended in order. */
  orderly({ provider: { name: provider }, breaker }: GuardedProvider, askedAt: number): void {
    if (breaker.tripped) {
      // Others are spent for nothing: that one was answered does not end the caution of all replicas.
      void this.write(this.dependencies.store.giveTurn(provider, askedAt));
      return;
    }
    const now = this.dependencies.clock.now();
    const waitsForIt = this.cautious.delete(provider);
    if (!waitsForIt && now - (this.notedAt.get(provider) ?? -Infinity) < NOTED_EVERY_MS) return;
    this.notedAt.set(provider, now);
    void this.write(this.dependencies.store.trustProvider(provider, askedAt));
  }

  /** A token may have been spent for nothing, and the database has counted it. */
  async spent(guarded: GuardedProvider): Promise<void> {
    this.cautious.add(guarded.provider.name);
    await this.look(guarded);
  }

  /**
   * Hears from the database what all replicas together have found of a provider. Asked with every look
   * rather than told, so that nobody depends on having listened.
   */
  async look({ provider: { name }, breaker }: GuardedProvider): Promise<void> {
    try {
      const wait = await this.dependencies.store.caution(name);
      if (wait !== undefined) this.cautious.add(name);
      breaker.beCautious(wait);
    } catch (error) {
      if (!(error instanceof StorageUnavailableError)) throw error;
    }
  }

  /** The fuse of this process has tripped, or was cleared by a call in order. */
  changed(provider: string, suspected: boolean): void {
    this.dependencies.listener.suspected(provider, suspected);
    if (suspected) void this.write(this.dependencies.store.suspectProvider(provider));
  }

  /**
   * A refusal is not believed although the provider serves others: what was given up in the minutes
   * before may have been refused by mistake as well, and is tried once more.
   */
  doubted(provider: string): void {
    const now = this.dependencies.clock.now();
    if (now - (this.doubtedAt.get(provider) ?? -Infinity) < DOUBTED_EVERY_MS) return;
    this.doubtedAt.set(provider, now);
    void this.write(this.dependencies.store.suspectProvider(provider));
  }

  private async write(writing: Promise<void>): Promise<void> {
    try {
      await writing;
    } catch (error) {
      // Written with the next call in order, or by the fuse of another replica.
      if (error instanceof StorageUnavailableError) return;
      this.dependencies.log.failure('provider.trust_not_written', error);
    }
  }
}
