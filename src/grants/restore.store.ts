import { Injectable } from '@nestjs/common';
import { Database } from '../database/index.js';
import { REVOCABLE } from './grant-sql.js';
import type { GrantKey } from './grant.js';
import {
  FORGOTTEN_GRANTS,
  HOLD_ANEW,
  INSERT_GRANTS,
  RESTORE_GRANTS,
  RESTORE_LEASES,
  deleteAnew,
} from './restore-sql.js';
import type { HeldAnswer } from './rotation-result.js';
import { RevocationOutbox } from './revocation-outbox.js';
import type { RevocableToken } from './revocation-outbox.js';

/** Rows looked at, or written, by one statement. */
const BATCH = 500;

/** A grant of one consent. */
export interface ConsentedGrant extends GrantKey {
  readonly grantId: string;
}

/** A version of a grant. */
export interface GrantVersion extends ConsentedGrant {
  readonly version: number;
}

/** A version of a grant that is being rotated. */
export interface LeasedGrant extends GrantVersion {
  readonly leaseOwner: string | null;
}

/** What is remembered of a grant. */
export interface RememberedGrant extends GrantVersion {
  readonly accessToken: Buffer;
  readonly refreshToken: Buffer | null;
  readonly scopes: readonly string[];
  readonly obtainedAt: number;
  readonly expiresAt: number | null;
  readonly refreshDueAt: number | null;
  /** The refresh token that was presented for it, sealed as it was in the row then, where that is known. */
  readonly presented?: Buffer | null;
}

/** Writes anew what a database has forgotten that went back in time. */
@Injectable()
export class RestoreStore {
  constructor(
    private readonly database: Database,
    private readonly revocations: RevocationOutbox,
  ) {}

  /** Of these, those that the database knows in an older version only, or not at all. */
  async forgotten<T extends GrantVersion>(remembered: readonly T[]): Promise<T[]> {
    const found: T[] = [];
    for (const batch of batches(remembered)) {
      const rows = await this.database.query<{ place: number }>(FORGOTTEN_GRANTS, versions(batch));
      for (const { place } of rows) {
        const grant = batch[place - 1];
        if (grant) found.push(grant);
      }
    }
    return found;
  }

  /**
   * Writes remembered grants over older versions of themselves, and those that are missing.
   *
   * @param late whether others have been at work already
   * @returns how many were written
   */
  async restore(grants: readonly RememberedGrant[], late: boolean): Promise<number> {
    let count = 0;
    for (const batch of batches(grants)) {
      const parameters = [
        ...versions(batch),
        batch.map(({ accessToken }) => accessToken),
        batch.map(({ refreshToken }) => refreshToken),
        batch.map(({ scopes }) => scopes.join(' ')),
        batch.map(({ obtainedAt }) => obtainedAt),
        batch.map(({ expiresAt }) => expiresAt),
        batch.map(({ refreshDueAt }) => refreshDueAt),
        batch.map(({ presented }) => presented ?? null),
        late,
      ];
      count += (await this.database.query(RESTORE_GRANTS, parameters)).length;
      count += (await this.database.query(INSERT_GRANTS, parameters)).length;
    }
    return count;
  }

  /**
   * Leases grants anew.
   *
   * @param duration milliseconds
   * @param untouched those of them to be leased only where nobody has worked with them since, as the row says
   * @returns how many
   */
  async lease(
    grants: readonly LeasedGrant[],
    duration: number,
    untouched: ReadonlySet<LeasedGrant>,
  ): Promise<number> {
    let count = 0;
    for (const batch of batches(grants)) {
      const owners = batch.map(({ leaseOwner }) => leaseOwner);
      const rows = await this.database.query(RESTORE_LEASES, [
        ...versions(batch),
        owners,
        duration,
        batch.map((grant) => untouched.has(grant)),
      ]);
      count += rows.length;
    }
    return count;
  }

  /** Holds a grant anew. @returns whether the database had forgotten that it is held */
  async hold(held: HeldAnswer): Promise<boolean> {
    const { provider, userId, connection, grantId, version, answer, error, askedAt } = held;
    const names = [provider, userId, connection, grantId, version];
    const rows = await this.database.query(HOLD_ANEW, [...names, answer, error, askedAt]);
    return rows.length > 0;
  }

  /** Deletes anew, with all that belongs to a deletion. @returns how many were there again */
  async delete(grants: readonly ConsentedGrant[]): Promise<number> {
    let count = 0;
    for (const batch of batches(grants)) {
      count += await this.database.transaction(async (query) => {
        const gone: RevocableToken[] = [];
        for (const table of ['stitch_grants', 'stitch_unconfirmed_grants']) {
          const deletion = deleteAnew(table, REVOCABLE);
          gone.push(...(await query<RevocableToken>(deletion, consents(batch))));
        }
        await this.revocations.add(query, gone);
        return gone.length;
      });
    }
    return count;
  }
}

function* batches<T>(items: readonly T[]): Generator<readonly T[]> {
  for (let from = 0; from < items.length; from += BATCH) yield items.slice(from, from + BATCH);
}

const consents = (grants: readonly ConsentedGrant[]) => [
  grants.map(({ provider }) => provider),
  grants.map(({ userId }) => userId),
  grants.map(({ connection }) => connection),
  grants.map(({ grantId }) => grantId),
];

const versions = (grants: readonly GrantVersion[]) => [
  ...consents(grants),
  grants.map(({ version }) => version),
];
