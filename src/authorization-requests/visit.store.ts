import { Injectable } from '@nestjs/common';
import { Database } from '../database/index.js';
import type { BroughtCookie } from './browser-cookie.js';
import { STATUS } from './request-status.js';
import type { RequestStatus } from './request-status.js';

/** What tells one visit of a callback from another. */
export interface Visit {
  readonly provider: string;
  /** Null where nothing tells the answer from any other: the cookies alone do. */
  readonly answerHash: Buffer | null;
  /** Cookies with which the browser began requests. */
  readonly begun: readonly BroughtCookie[];
  /** Cookies with which the browser has seen how requests ended. */
  readonly ended: readonly BroughtCookie[];
  /** Whether only a browser that began a request may end it. */
  readonly sameBrowser: boolean;
}

/** A request that an earlier visit of the same callback has taken. */
export interface TakenRequest {
  readonly id: string;
  readonly status: RequestStatus;
  readonly returnTo: string | null;
  readonly httpStatus: number | null;
  /** Whether it has to be ended by a browser that began it. */
  readonly bound: boolean;
  /** Whether this browser began it. */
  readonly begunHere: boolean;
  /** Whether this browser has ended it, or been shown its end. */
  readonly endedHere: boolean;
}

/** Browsers that are shown how one request ended. */
const MOST_VISITORS = 40;

const ids = (cookies: readonly BroughtCookie[]) => cookies.map(({ requestId }) => requestId);
const hashes = (cookies: readonly BroughtCookie[]) => cookies.map(({ hash }) => hash);

/** Finds what earlier visits of a callback have done. */
@Injectable()
export class VisitStore {
  constructor(private readonly database: Database) {}

  async taken(visit: Visit): Promise<TakenRequest | undefined> {
    const [row] = await this.database.query<TakenRequest>(
      `SELECT r.id, ${STATUS} AS status, r.return_to AS "returnTo", r.http_status AS "httpStatus",
         r.browser_hash IS NOT NULL OR $3::boolean AS bound,
         coalesce(r.browser_hash = ANY($4::bytea[]), false)
           OR EXISTS (SELECT 1 FROM stitch_authorization_browsers b
             WHERE b.request_id = r.id AND b.browser_hash = ANY($4::bytea[])) AS "begunHere",
         r.visitor_hashes && $5::bytea[] AS "endedHere"
       FROM stitch_authorization_requests r
       WHERE r.provider = $1 AND r.claimed_at IS NOT NULL
         AND (r.answer_hash = $2 OR ($2::bytea IS NULL AND r.answer_hash IS NULL
           AND r.id = ANY($6::uuid[])))
       ORDER BY r.claimed_at DESC LIMIT 1`,
      [
        visit.provider,
        visit.answerHash,
        visit.sameBrowser,
        hashes(visit.begun),
        hashes([...visit.begun, ...visit.ended]),
        [...ids(visit.begun), ...ids(visit.ended)],
      ],
    );
    return row;
  }

  /** Notes by which cookie a further visit's browser is to be known. @returns false: too many */
  async addVisitor(id: string, visitor: Buffer): Promise<boolean> {
    const rows = await this.database.query(
      `UPDATE stitch_authorization_requests SET visitor_hashes = visitor_hashes || $2::bytea
       WHERE id = $1 AND cardinality(visitor_hashes) < $3 RETURNING 1`,
      [id, visitor, MOST_VISITORS],
    );
    return rows.length > 0;
  }
}
