import type { ReauthorizationReason } from '../common/index.js';
import type { ProviderError } from '../providers/index.js';
import type { CommitOutcome, Grant, RotationResult } from '../grants/index.js';

/** Hears what rotations do: for the log and the metrics. */
export interface RotationListener {
  /** One call to the provider took so many milliseconds. */
  called(provider: string, milliseconds: number): void;
  /** The provider answered and the database has decided. */
  settled(grant: Grant, result: RotationResult, outcome: CommitOutcome): void;
  /** The answer named more scopes than are kept: so many are left out. */
  scopesDropped(grant: Grant, count: number): void;
  /** Somebody has altered the grant: nothing is presented. */
  refused(grant: Grant): void;
  failed(grant: Grant, error: ProviderError): void;
  /** An answer came that can't be understood; it is kept, and the grant is held. */
  held(grant: Grant, error: ProviderError): void;
  /** Whether the refusals of a provider are believed has changed. */
  suspected(provider: string, suspected: boolean): void;
  /** The grant can only be revived by its user. */
  retired(grant: Grant, reason: ReauthorizationReason): void;
}
