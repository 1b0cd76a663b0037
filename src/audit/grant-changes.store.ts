import { Injectable } from '@nestjs/common';
import type { Query } from '../database/index.js';

/** A change of a grant, as a trigger has written it into the audit. */
export interface GrantChange {
  readonly type: 'grant.linked' | 'grant.deleted' | 'grant.lost' | 'grant.suspended';
  readonly provider: string;
  readonly userId: string;
  readonly connection: string;
  /** Microseconds since the epoch: the time of the transaction. */
  readonly at: string;
}

/** Looks up changes of grants in the audit. */
@Injectable()
export class GrantChanges {
  /**
   * Which of these changes are in the audit.
   *
   * @returns their places in the list
   * @throws StorageUnavailableError
   */
  async among(query: Query, changes: readonly GrantChange[]): Promise<ReadonlySet<number>> {
    const rows = await query<{ place: number }>(
      `SELECT r.place::int AS place
       FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[])
         WITH ORDINALITY AS r(type, provider, user_id, connection, at, place)
       WHERE EXISTS (SELECT FROM audit_events a
         WHERE a.at = timestamptz 'epoch' + r.at * interval '1 microsecond'
           AND a.type IN ('grant.linked', 'grant.deleted', 'grant.lost', 'grant.suspended')
           AND a.type = r.type AND a.user_id = r.user_id AND a.provider = r.provider
           AND a.connection = r.connection)`,
      [
        changes.map(({ type }) => type),
        changes.map(({ provider }) => provider),
        changes.map(({ userId }) => userId),
        changes.map(({ connection }) => connection),
        changes.map(({ at }) => at),
      ],
    );
    return new Set(rows.map(({ place }) => place - 1));
  }
}
