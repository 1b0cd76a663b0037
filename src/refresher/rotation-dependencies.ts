import type { Clock, Log, Trace } from '../common/index.js';
import type { ProviderError } from '../providers/index.js';
import type { Grant, RotationStore, TokenSealer } from '../grants/index.js';
import type { GrantCache } from '../tokens/index.js';
import type { CommitQueue } from './commit-queue.js';
import type { HeldAnswers } from './held-answers.js';
import type { LeaseKeeper } from './lease-keeper.js';
import type { ProviderTrust } from './provider-trust.js';
import type { RotationListener } from './rotation-listener.js';

/** How one rotation ended. */
export type RotationEnd =
  | { readonly kind: 'committed'; readonly grant: Grant }
  | { readonly kind: 'superseded' | 'gone' | 'retired' | 'held' | 'abandoned' }
  /** Nothing was presented: this replica lacks the key of the refresh token. */
  | { readonly kind: 'foreign' }
  /** `retryIn` in milliseconds. */
  | { readonly kind: 'failed'; readonly error: ProviderError; readonly retryIn: number };

/** What a rotation needs; the simulation brings its own. */
export interface RotationDependencies {
  readonly store: Pick<RotationStore, 'fail' | 'release' | 'retire'>;
  readonly held: Pick<HeldAnswers, 'keep' | 'keeps'>;
  readonly trust: Pick<ProviderTrust, 'orderly' | 'doubted' | 'spent'>;
  readonly commits: Pick<CommitQueue, 'add' | 'holds'>;
  readonly leases: Pick<LeaseKeeper, 'during'>;
  readonly sealer: Pick<TokenSealer, 'seal' | 'open' | 'isOfAnother'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly listener: RotationListener;
  readonly cache: Pick<GrantCache, 'renew'>;
  /** What the database's history says: see {@link History}. */
  readonly history: RotationHistory;
  readonly random: () => number;
  /** Tells of rotations; nobody unless given. */
  readonly trace?: Trace | undefined;
}

export interface RotationHistory {
  /** Changes whenever the database may have become another one: claims made before are void. */
  readonly epoch: number;
  /** Whether what was obtained then may have been replaced by something that was lost. */
  mayBeOutdated(obtainedAt: number): boolean;
}

export interface RotationSettings {
  /** Milliseconds. */
  readonly providerTimeout: number;
  readonly lead: number;
}
