import { Injectable } from '@nestjs/common';
import { Database } from '../database/index.js';
import type { GrantKey } from './grant.js';

/** A grant of the table whose token may work at its provider. */
const ALIVE = `(SELECT provider, user_id, subject FROM stitch_grants
    WHERE status <> 'reauthorization_required'
  UNION ALL SELECT provider, user_id, subject FROM stitch_unconfirmed_grants)`;

/** Consents that several grants share: some providers end all of them at the revocation of one. */
@Injectable()
export class SharedConsents {
  constructor(private readonly database: Database) {}

  /**
   * Whether a living grant of the same subject is left. Where the subject of one of the two is not
   * known (imported, or of an id_token that was not believed), the user counts as the subject.
   *
   * @throws StorageUnavailableError
   */
  async isShared(
    gone: Pick<GrantKey, 'provider' | 'userId'> & { readonly subject: string | null },
  ): Promise<boolean> {
    const [row] = await this.database.query<{ shared: boolean }>(
      `SELECT EXISTS (SELECT FROM ${ALIVE} g WHERE g.provider = $1 AND g.subject = $3)
         OR EXISTS (SELECT FROM ${ALIVE} g WHERE g.provider = $1 AND g.user_id = $2
           AND ($3::text IS NULL OR g.subject IS NULL)) AS shared`,
      [gone.provider, gone.userId, gone.subject],
    );
    return row?.shared ?? false;
  }
}
