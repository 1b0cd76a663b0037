import type { Caller } from '../common/index.js';
import { certificateName } from './certificate-name.js';
import { toCaller } from './client-row.js';
import type { ClientRow } from './client-row.js';

/** What a caller shows: an API key's hash, a verified JWT's `sub`, or a certificate's names. */
export type Credential =
  | { readonly kind: 'key'; readonly hash: string }
  | { readonly kind: 'subject'; readonly subject: string }
  | { readonly kind: 'certificate'; readonly names: readonly string[] };

/** A client, and until when (milliseconds by the database's clock) what it is found by is good. */
interface Entry {
  readonly caller: Caller;
  readonly until: number;
}

/**
 * All valid clients by what they prove themselves with. Built as a whole from the table and never
 * changed: strangers cannot push anything out of it, and finding a client asks nobody.
 */
export class ClientIndex {
  private readonly keys = new Map<string, Entry>();
  private readonly subjects = new Map<string, Entry>();
  private readonly certificates = new Map<string, Entry>();

  constructor(rows: readonly ClientRow[]) {
    const ambiguous = { subjects: new Set<string>(), certificates: new Set<string>() };
    for (const row of rows) {
      const entry = { caller: toCaller(row), until: row.expiresAt ?? Infinity };
      if (row.keyHash !== null) this.keys.set(row.keyHash, entry);
      if (row.previousKeyHash !== null) {
        const until = Math.min(entry.until, row.previousKeyExpiresAt ?? -Infinity);
        this.keys.set(row.previousKeyHash, { ...entry, until });
      }
      if (row.subject !== null) add(this.subjects, ambiguous.subjects, row.subject, entry);
      if (row.certificate !== null) {
        const name = certificateName(row.certificate);
        add(this.certificates, ambiguous.certificates, name, entry);
      }
    }
  }

  /** @param now milliseconds by the database's clock */
  find(credential: Credential, now: number): Caller | undefined {
    const entry = this.entryOf(credential);
    return entry && now < entry.until ? entry.caller : undefined;
  }

  private entryOf(credential: Credential): Entry | undefined {
    switch (credential.kind) {
      case 'key':
        return this.keys.get(credential.hash);
      case 'subject':
        return this.subjects.get(credential.subject);
      case 'certificate': {
        const entries = credential.names.flatMap((name) => this.certificates.get(name) ?? []);
        // A certificate that names two clients is neither's.
        return entries.every(({ caller }) => caller === entries[0]?.caller)
          ? entries[0]
          : undefined;
      }
    }
  }
}

/** The operator commands never let two valid clients share a name; somebody with SQL may. */
function add(map: Map<string, Entry>, ambiguous: Set<string>, name: string, entry: Entry): void {
  if (map.delete(name) || ambiguous.has(name)) ambiguous.add(name);
  else map.set(name, entry);
}
