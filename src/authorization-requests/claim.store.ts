import { Injectable } from '@nestjs/common';
import { Database } from '../database/index.js';
import { OPEN_ROWS } from './request.store.js';
import type { OpenRequest } from './request.store.js';

/** What a callback has to show for itself: the state, or nothing but cookies. */
export interface CallbackProof {
  /** Undefined where the provider does not return it. */
  readonly state: string | undefined;
  /** SHA-256 of the secrets in the cookies with which the browser began requests. */
  readonly browsers: readonly Buffer[];
  /** Whether only a browser that began it may end it. */
  readonly sameBrowser: boolean;
  /** What tells the provider's answer from any other; null where nothing does. */
  readonly answerHash: Buffer | null;
  /** SHA-256 of the secret that this visit's browser is to be known by afterwards. */
  readonly visitor: Buffer;
}

/** A request that was started, for the browser that did. */
export type StartedRequest = OpenRequest & { readonly firstBrowser: boolean };

/** Pending, not taken by a callback, not expired. */
const OPEN = `status = 'pending' AND claimed_at IS NULL AND expires_at > now()`;

/** Browsers that may begin one request: a person's few, and what looks at links on the way. */
const MOST_BROWSERS = 50;
/** SQLSTATE of a value that is there already. */
const UNIQUE_VIOLATION = '23505';

/**
 * Parameters: provider, state, cookies, whether one of them is needed, hash of the answer, hash of
 * the cookie to be set. `browser_hash` is what a replica of the version before leaves.
 */
const CLAIM = `
  WITH mine AS (
    SELECT request_id, max(started_at) AS started_at FROM (
      SELECT request_id, started_at FROM stitch_authorization_browsers
      WHERE browser_hash = ANY($3::bytea[])
      UNION ALL
      SELECT id, started_at FROM stitch_authorization_requests
      WHERE browser_hash = ANY($3::bytea[])) AS begun
    GROUP BY request_id)
  UPDATE stitch_authorization_requests AS taken
  SET claimed_at = now(), answer_hash = $5, visitor_hashes = $3::bytea[] || $6::bytea
  WHERE ${OPEN} AND id = (
    SELECT r.id FROM stitch_authorization_requests r LEFT JOIN mine ON mine.request_id = r.id
    WHERE r.provider = $1 AND ${OPEN} AND CASE WHEN $2::text IS NULL
      THEN mine.request_id IS NOT NULL
      ELSE r.stitch_state = $2
        AND (mine.request_id IS NOT NULL OR (r.browser_hash IS NULL AND NOT $4::boolean)) END
    ORDER BY mine.started_at DESC NULLS LAST LIMIT 1 FOR UPDATE OF r)
  RETURNING ${OPEN_ROWS.selected('taken')}`;

/** Gives a request to the browser that begins it and to the callback that ends it. */
@Injectable()
export class ClaimStore {
  constructor(private readonly database: Database) {}

  /**
   * Ties a request to a browser that starts it, beside those that did before: whoever opens the
   * start page in between, a mail scanner for one, ends nothing that the user has begun.
   *
   * @param accept throws where it can't be started here, which leaves it as it was
   * @returns undefined as well when too many browsers began it
   */
  async start(
    id: string,
    browser: Buffer,
    accept: (request: OpenRequest) => void,
  ): Promise<StartedRequest | undefined> {
    return this.database.transaction(async (query) => {
      const [row] = await query<OpenRequest>(
        `UPDATE stitch_authorization_requests r SET browser_hash = $2, started_at = now()
         WHERE id = $1 AND ${OPEN} AND (SELECT count(*) FROM stitch_authorization_browsers
           WHERE request_id = $1 AND browser_hash <> $2) < $3 RETURNING ${OPEN_ROWS.selected('r')}`,
        [id, browser, MOST_BROWSERS],
      );
      if (!row) return undefined;
      const request = OPEN_ROWS.read(row);
      accept(request);
      const [begun] = await query<{ first: boolean }>(
        `INSERT INTO stitch_authorization_browsers AS b (browser_hash, request_id, first)
         SELECT $2, $1, NOT EXISTS (SELECT 1 FROM stitch_authorization_browsers WHERE request_id = $1)
         ON CONFLICT (browser_hash) DO UPDATE SET started_at = now() RETURNING b.first`,
        [id, browser],
      );
      return { ...request, firstBrowser: begun?.first === true };
    });
  }

  /**
   * Takes a pending request for its callback: one statement, so that however often the callback
   * arrives, one caller gets it and the code is exchanged once. A request that browsers started
   * is for those only; without a state the browser's latest one is meant.
   *
   * @returns undefined as well when this very answer was taken before
   */
  async claim(provider: string, proof: CallbackProof): Promise<OpenRequest | undefined> {
    const [row] = await this.takeOpen([
      provider,
      proof.state ?? null,
      proof.browsers,
      proof.sameBrowser,
      proof.answerHash,
      proof.visitor,
    ]);
    return row && OPEN_ROWS.read(row);
  }

  /** Has a claimed request wait for its callback again. Nothing of the answer may have been used. */
  async giveBack(id: string): Promise<void> {
    await this.database.query(
      `UPDATE stitch_authorization_requests
       SET claimed_at = NULL, answer_hash = NULL, visitor_hashes = '{}'
       WHERE id = $1 AND status = 'pending'`,
      [id],
    );
  }

  private async takeOpen(parameters: unknown[]): Promise<OpenRequest[]> {
    try {
      return await this.database.query<OpenRequest>(CLAIM, parameters);
    } catch (error) {
      // Another request of the same browser has taken this answer.
      if ((error as { code?: unknown }).code === UNIQUE_VIOLATION) return [];
      throw error;
    }
  }
}
