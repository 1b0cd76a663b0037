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

/** Changes that came before the newest mark that is older than them by so much are not looked at first. */
const MARGIN = `interval '10 minutes'`;

/**
 * Looks up changes of grants in the audit, by the indexes that it has: another one would be built
 * over every read of a year, while no grant could be linked.
 */
@Injectable()
export class GrantChanges {
  /**
   * Which of these changes are in the audit.
   *
   * @returns their places in the list
   * @throws StorageUnavailableError
   */
  async among(query: Query, changes: readonly GrantChange[]): Promise<ReadonlySet<number>> {
    const places = changes.map((_, place) => place);
    const from = await this.positionBefore(query, changes);
    const found = await this.found(query, changes, places, from);
    // The clock may have been set: what is not where it should be is looked for everywhere.
    const missing = places.filter((place) => !found.includes(place));
    if (missing.length > 0 && from !== '0') {
      found.push(...(await this.found(query, changes, missing, '0')));
    }
    return new Set(found);
  }

  /** A position of the audit that all of these changes come after. */
  private async positionBefore(query: Query, changes: readonly GrantChange[]): Promise<string> {
    const [mark] = await query<{ position: string }>(
      `SELECT position FROM audit_events WHERE type = 'audit.mark'
         AND at < (SELECT timestamptz 'epoch' + min(at) * interval '1 microsecond' - ${MARGIN}
                   FROM unnest($1::bigint[]) AS c(at))
       ORDER BY at DESC LIMIT 1`,
      [changes.map(({ at }) => at)],
    );
    return mark?.position ?? '0';
  }

  private async found(
    query: Query,
    changes: readonly GrantChange[],
    places: readonly number[],
    from: string,
  ): Promise<number[]> {
    const each = <K extends keyof GrantChange>(name: K) =>
      places.map((place) => changes[place]?.[name]);
    const rows = await query<{ place: number }>(
      `SELECT r.place FROM unnest($1::int[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[])
         AS r(place, type, provider, user_id, connection, at)
       WHERE EXISTS (SELECT FROM audit_events a
         WHERE a.user_id = r.user_id AND a.position >= $7 AND a.type = r.type
           AND a.provider = r.provider AND a.connection = r.connection
           AND a.at = timestamptz 'epoch' + r.at * interval '1 microsecond')`,
      [
        places,
        each('type'),
        each('provider'),
        each('userId'),
        each('connection'),
        each('at'),
        from,
      ],
    );
    return rows.map(({ place }) => place);
  }
}
