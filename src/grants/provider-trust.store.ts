import { Injectable } from '@nestjs/common';
import { Database } from '../database/index.js';
import { CAUTION_LEFT, CAUTIOUS } from './caution.js';

/** What all replicas know of whether a provider can be trusted, and what is tried again once it can. */
@Injectable()
export class ProviderTrustStore {
  constructor(private readonly database: Database) {}

  /**
   * Milliseconds until the token of a well grant may be presented, by any replica; undefined: nothing is
   * in its way. Those that are in doubt may be presented all the same.
   */
  async caution(provider: string): Promise<number | undefined> {
    const [row] = await this.database.query<{ wait: number }>(
      `SELECT (${CAUTION_LEFT})::float8 AS wait FROM stitch_provider_fuses f
       WHERE f.provider = $1 AND ${CAUTIOUS}`,
      [provider],
    );
    return row?.wait;
  }

  /** Notes that refusals of a provider are not believed any more. */
  async suspectProvider(provider: string): Promise<void> {
    await this.database.query(
      `INSERT INTO stitch_provider_fuses (provider) VALUES ($1) ON CONFLICT DO NOTHING`,
      [provider],
    );
    await this.database.query(
      `UPDATE stitch_provider_fuses SET tripped_at = now()
       WHERE provider = $1 AND tripped_at IS NULL`,
      [provider],
    );
  }

  /**
   * Notes that a provider answers in order. What was given up in the minutes before it was
   * suspected is tried once more: it may have been refused by mistake as well.
   *
   * @param askedAt milliseconds since the epoch: a call that was in flight when the provider came under
   * suspicion says nothing of what has been since
   */
  async trustProvider(provider: string, askedAt: number): Promise<void> {
    await this.database.query(
      `WITH was AS (SELECT provider, tripped_at FROM stitch_provider_fuses
         WHERE provider = $1 AND (given_up > 0 OR spent > 0 OR tripped_at IS NOT NULL)
           AND coalesce(greatest(tripped_at, cautious_since)
             NOT BETWEEN to_timestamp($2 / 1000.0) AND now(), true) FOR UPDATE SKIP LOCKED),
       trusted AS (UPDATE stitch_provider_fuses f SET given_up = 0, tripped_at = NULL,
           spent = 0, spent_at = NULL, asked_at = NULL, cautious_since = NULL
         FROM was WHERE f.provider = was.provider)
       UPDATE stitch_grants g SET refresh_due_at = now() FROM was
       WHERE g.provider = was.provider AND g.status = 'reauthorization_required'
         AND g.retired_at > was.tripped_at - interval '5 minutes'
         AND g.refresh_token IS NOT NULL AND g.lease_owner IS NULL
         AND g.reason IN ('grant_revoked', 'rotation_lost')`,
      [provider, askedAt],
    );
  }

  /**
   * Has the turn of all replicas come at once: a provider that spent some tokens for nothing has answered
   * in order, which does not end the caution, but a call after it may tell as much.
   *
   * @param askedAt milliseconds since the epoch: what was spent since then speaks against it
   */
  async giveTurn(provider: string, askedAt: number): Promise<void> {
    await this.database.query(
      `UPDATE stitch_provider_fuses f SET spent_at = now() - interval '1 hour', asked_at = NULL
       WHERE provider = $1 AND ${CAUTIOUS} AND spent_at < to_timestamp($2 / 1000.0)`,
      [provider, askedAt],
    );
  }
}
