import type { AccessRecord, Family, RefreshRecord } from './grant-records.js';

/** Grants as they are written to disk: tokens by SHA-256 only. */
export interface SavedGrants {
  readonly families: readonly Family[];
  readonly refreshes: readonly (Omit<RefreshRecord, 'family'> & Reference)[];
  readonly access: readonly (Omit<AccessRecord, 'family'> & Reference)[];
}

interface Reference {
  readonly hash: string;
  /** Id of the family. */
  readonly family: string;
}

/** Used refresh tokens kept for each grant, so that an old one is still seen to be reused. */
const USED_KEPT = 20;

/** What has to outlive a restart; of the used refresh tokens only the latest of each grant. */
export function saveGrants(grants: {
  readonly access: ReadonlyMap<string, AccessRecord>;
  readonly refreshes: ReadonlyMap<string, RefreshRecord>;
}): SavedGrants {
  const families = new Map<string, Family>();
  const used = new Map<string, number>();
  const refreshes = [...grants.refreshes]
    .reverse()
    .filter(([, { family, usedAt }]) => {
      if (usedAt === null) return true;
      const seen = (used.get(family.id) ?? 0) + 1;
      used.set(family.id, seen);
      return seen <= USED_KEPT;
    })
    .reverse()
    .map((entry) => reference(entry, families));
  const access = [...grants.access].map((entry) => reference(entry, families));
  return { families: [...families.values()], refreshes, access };
}

function reference<T extends { readonly family: Family }>(
  [hash, record]: [string, T],
  families: Map<string, Family>,
): Omit<T, 'family'> & Reference {
  families.set(record.family.id, record.family);
  return { ...record, hash, family: record.family.id };
}
