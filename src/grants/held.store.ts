import { Injectable } from '@nestjs/common';
import { Database } from '../database/index.js';
import { GRANT_ROWS } from './grant.columns.js';
import type { Grant, GrantKey } from './grant.js';

/** A grant whose refresh was answered with what could not be understood. */
export interface HeldGrant extends Grant {
  readonly heldAt: number;
  /** Sealed: the answer as it came. */
  readonly answer: Buffer;
  /** The subject that the provider knew the user by at the consent, where it said. */
  readonly subject: string | null;
}

/** What such an answer says after all, sealed. Times in milliseconds since the epoch. */
export interface UnderstoodAnswer {
  readonly accessToken: Buffer;
  /** Null keeps the old one (RFC 6749 section 6). */
  readonly refreshToken: Buffer | null;
  /** Null keeps the old ones (RFC 6749 section 5.1). */
  readonly scopes: readonly string[] | null;
  readonly obtainedAt: number;
  readonly expiresAt: number | null;
  readonly refreshDueAt: number | null;
}

/** The row as it was when its answer was looked at; that the version grows ends the holding. */
const UNCHANGED = `provider = $1 AND user_id = $2 AND connection = $3 AND grant_id = $4
  AND version = $5 AND held_at IS NOT NULL`;

const time = (parameter: string) => `to_timestamp(${parameter}::float8 / 1000)`;

/** Grants that are held, for those who try to understand their answers. */
@Injectable()
export class HeldStore {
  constructor(private readonly database: Database) {}

  /** Held grants by their names, after this one. @throws StorageUnavailableError */
  async page(after: GrantKey | undefined, limit: number): Promise<HeldGrant[]> {
    const rows = await this.database.query<HeldGrant>(
      `SELECT ${GRANT_ROWS.selected('g')}, g.held_answer AS answer, g.subject
       FROM stitch_grants g
       WHERE g.held_at IS NOT NULL AND g.held_answer IS NOT NULL
         AND ($1::text IS NULL OR (g.provider, g.user_id, g.connection) > ($1, $2, $3))
       ORDER BY g.provider, g.user_id, g.connection LIMIT $4`,
      [after?.provider ?? null, after?.userId ?? null, after?.connection ?? null, limit],
    );
    return rows.map((row) => GRANT_ROWS.read(row));
  }

  /**
   * Writes the tokens of a kept answer that is understood now: this completes the rotation.
   *
   * @returns whether the grant was still held in this version
   * @throws StorageUnavailableError
   */
  async rotate(grant: HeldGrant, understood: UnderstoodAnswer): Promise<boolean> {
    const { accessToken, refreshToken, scopes, obtainedAt, expiresAt, refreshDueAt } = understood;
    const rows = await this.database.query(
      `UPDATE stitch_grants SET access_token = $6, refresh_token = coalesce($7, refresh_token),
         scope = coalesce($8, scope), obtained_at = ${time('$9')}, expires_at = ${time('$10')},
         refresh_due_at = ${time('$11')}, version = version + 1, failure_count = 0,
         last_error = NULL,
         status = CASE WHEN status = 'reauthorization_required' THEN 'active' ELSE status END,
         reason = CASE WHEN status = 'reauthorization_required' THEN NULL ELSE reason END
       WHERE ${UNCHANGED} RETURNING 1`,
      [
        ...names(grant),
        accessToken,
        refreshToken,
        scopes?.join(' ') ?? null,
        obtainedAt,
        expiresAt,
        refreshDueAt,
      ],
    );
    return rows.length > 0;
  }

  /**
   * Ends the hold on a grant whose answer turned out to have no tokens: its old refresh token is
   * tried again, in doubt.
   *
   * @returns whether it was still held in this version
   * @throws StorageUnavailableError
   */
  async release(grant: HeldGrant): Promise<boolean> {
    const rows = await this.database.query(
      `UPDATE stitch_grants SET held_at = NULL, held_answer = NULL, refresh_due_at = now(),
         rotation_started_at = now()
       WHERE ${UNCHANGED} RETURNING 1`,
      names(grant),
    );
    return rows.length > 0;
  }
}

const names = ({ provider, userId, connection, grantId, version }: Grant) => [
  provider,
  userId,
  connection,
  grantId,
  version,
];
