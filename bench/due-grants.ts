import { randomBytes, randomUUID } from 'node:crypto';
import pg from 'pg';
import type { Database, Query } from '../src/database/index.js';
import type { ClaimedGrant, RotationStore } from '../src/grants/index.js';
import type { Site } from '../test/faults/site.js';
import { storesOf } from '../test/support/stores.js';

/** Grants that one claim takes. */
export const CLAIMED = 500;
const COMMITTED = 200;
/** Bytes of a sealed token, of which a grant has two. */
export const SEALED_BYTES = 96;

/** A table of grants that are all due, in a database of its own, and the statements of a rotation. */
export class DueGrants {
  private readonly process = randomUUID();
  private claims = 0;

  private constructor(
    private readonly client: pg.Client,
    private readonly rotations: RotationStore,
  ) {}

  static async open(site: Site, rows: number): Promise<DueGrants> {
    const client = new pg.Client(site.postgres.url(await site.createDatabase()));
    await client.connect();
    const query: Query = async <Row>(sql: string, values?: unknown[]) =>
      (await client.query(sql, values)).rows as Row[];
    const grants = new DueGrants(client, storesOf({ query } as Database).rotations);
    await grants.seed(rows);
    return grants;
  }

  /** Milliseconds that one claim takes; what it took is committed and due again, after all others. */
  async claim(): Promise<number> {
    this.claims += 1;
    const lease = {
      owner: `${this.process}/${String(this.claims)}`,
      process: this.process,
      beat: 1,
    };
    const more = { duration: 15_000, takeOver: true, now: Date.now(), epoch: 0 };
    const begun = performance.now();
    const claimed = await this.rotations.claimDue('stitch-money', CLAIMED, { ...lease, ...more });
    const took = performance.now() - begun;
    if (claimed.length !== CLAIMED) throw new Error(`claimed ${String(claimed.length)} grants`);
    for (let from = 0; from < CLAIMED; from += COMMITTED) {
      await this.rotations.commit(claimed.slice(from, from + COMMITTED).map(rotated));
    }
    return took;
  }

  /** Bytes of the table with what is stored beside it, and of its indexes. */
  async size(): Promise<{ readonly table: number; readonly indexes: number }> {
    const { rows } = await this.client.query<{ table: string; indexes: string }>(
      `SELECT pg_table_size('stitch_grants') AS table, pg_indexes_size('stitch_grants') AS indexes`,
    );
    return { table: Number(rows[0]?.table), indexes: Number(rows[0]?.indexes) };
  }

  /** Bytes of write-ahead log that the server has written so far. */
  async written(): Promise<number> {
    const { rows } = await this.client.query<{ bytes: string }>(
      `SELECT pg_current_wal_lsn() - '0/0' AS bytes`,
    );
    return Number(rows[0]?.bytes);
  }

  /** What autovacuum does when its time has come. */
  async vacuum(): Promise<void> {
    await this.client.query('VACUUM stitch_grants');
  }

  close(): Promise<void> {
    return this.client.end();
  }

  /** In no order that the table has: grants are due in another one than they were stored in. */
  private async seed(rows: number): Promise<void> {
    await this.client.query(
      `INSERT INTO stitch_replicas (process, beat, beat_at, incarnation, stage)
       VALUES ($1, 1, now(), stitch_incarnation(), 3)`,
      [this.process],
    );
    await this.client.query('ALTER TABLE stitch_grants DISABLE TRIGGER USER');
    await this.client.query(
      `INSERT INTO stitch_grants (provider, user_id, connection, grant_id, status, access_token,
         refresh_token, scope, subject, obtained_at, expires_at, refresh_due_at)
       SELECT 'stitch-money', md5(n::text), 'default', gen_random_uuid(), 'active',
         decode(repeat(md5(n::text), 6), 'hex'), decode(repeat(md5(n::text), 6), 'hex'),
         'openid accounts balances transactions offline_access', md5('subject' || n),
         now() - interval '900 seconds', now(), now() - (1 + random()) * interval '1 hour'
       FROM generate_series(1, $1::int) n`,
      [rows],
    );
    await this.client.query('ALTER TABLE stitch_grants ENABLE TRIGGER USER');
    await this.client.query('VACUUM ANALYZE');
  }
}

/** A result for a claimed grant, due again behind all those that were due before. */
function rotated(grant: ClaimedGrant) {
  const { provider, userId, connection, grantId, version } = grant;
  const obtainedAt = Date.now();
  return {
    ...{ provider, userId, connection, grantId, version, leaseOwner: grant.leaseOwner ?? '' },
    accessToken: randomBytes(SEALED_BYTES),
    refreshToken: randomBytes(SEALED_BYTES),
    scopes: null,
    obtainedAt,
    expiresAt: obtainedAt + 900_000,
    refreshDueAt: obtainedAt - 60_000,
    kept: { refreshToken: grant.refreshToken, scopes: grant.scopes },
  };
}
