import type { HistoryStep } from '../database/index.js';
import type {
  Grant,
  LeasedGrant,
  RememberedGrant,
  RestoreStore,
  RotationResult,
} from '../grants/index.js';
import type { Shelf, Shelved } from '../journal/index.js';

/** What the process remembers, and what it has under way. */
export interface RememberedRotationsDependencies {
  readonly shelf: Pick<Shelf<RotationResult>, 'remembered' | 'list' | 'read'>;
  readonly cache: { readonly grants: () => Iterable<Grant> };
  readonly store: Pick<RestoreStore, 'forgotten' | 'restore' | 'lease'>;
  readonly leased: () => readonly LeasedGrant[];
}

/** Writes anew the rotations that a database has forgotten which went back in time. */
export class RememberedRotations {
  constructor(
    private readonly dependencies: RememberedRotationsDependencies,
    /** Milliseconds. */
    private readonly leaseDuration: number,
  ) {}

  /** What was committed, here or by somebody whose row was read. @returns how many were written */
  async restore({ late }: HistoryStep): Promise<number> {
    const { shelf, cache, store } = this.dependencies;
    const grants = new Map<string, RememberedGrant>();
    const note = (grant: RememberedGrant) => {
      const known = grants.get(grant.grantId);
      if (!known || known.version < grant.version) grants.set(grant.grantId, grant);
    };
    for (const entry of shelf.remembered()) {
      const shelved = shelf.read(entry);
      const grant = shelved && asGrant(shelved);
      if (grant) note(grant);
    }
    // After the journal: of the same version that one knows which token was presented for it, without which
    // a row with a later time counts as one that has gone on, and its time may be from before a step of the clock.
    for (const grant of cache.grants()) if (grant.status === 'active') note(grant);
    return store.restore(await store.forgotten([...grants.values()]), late);
  }

  /**
   * Leases anew what is being rotated: others must not present the same tokens, and the answers
   * are committed under these leases. The same for answers that wait in the journal for a commit; where
   * others have been at work already, only for those whose lease none of them has taken over.
   */
  lease({ late }: HistoryStep): Promise<number> {
    const { leased, shelf, store } = this.dependencies;
    const waiting = shelf.list().flatMap((entry) => shelf.read(entry)?.item ?? []);
    const all = [...leased(), ...waiting];
    return store.lease(all, this.leaseDuration, late ? new Set(waiting) : new Set());
  }
}

/** A rotation as the row that it made. @returns undefined where it does not say enough for one */
function asGrant({ item, version }: Shelved<RotationResult>): RememberedGrant | undefined {
  const refreshToken = item.refreshToken ?? item.kept?.refreshToken;
  const scopes = item.scopes ?? item.kept?.scopes;
  if (!refreshToken || !scopes) return undefined;
  // Where it goes on being used, to be presented says nothing.
  const presented = item.refreshToken && item.kept?.refreshToken;
  return { ...item, version, refreshToken, scopes, presented };
}
