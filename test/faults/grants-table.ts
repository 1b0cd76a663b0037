import { createHash, randomUUID } from 'node:crypto';
import pg from 'pg';
import type { StitchMoneySandbox } from '../../sandbox/index.js';
import { Keyring, Sealer } from '../../src/encryption/index.js';
import { parseKeyring } from '../../src/config/parsers.js';
import { TokenSealer } from '../../src/grants/index.js';
import type { Ledger } from './ledger.js';
import { shortened } from './wire.js';

/** How grants are put into the table, by their number. Seconds, fractions allowed. */
export interface Seeding {
  readonly users: readonly string[];
  /** Seconds a token lives. */
  readonly lifetime: number;
  /** Of these so many have passed; a token older than its lifetime is stale. */
  readonly age: (index: number) => number;
  /** From now until the schedule is to refresh it. */
  readonly due: (index: number) => number;
  /** Whether nothing is told of them, neither events nor audit: they have been there for long. */
  readonly quietly?: boolean;
}

/** What became of one grant, by the table and by the provider. */
export interface Audited {
  readonly user: string;
  readonly status: string;
  readonly reason: string | null;
  readonly refreshToken: string;
  /** Whether the provider would accept its refresh token. */
  readonly usable: boolean;
}

/** The suite's own look into `stitch_grants`. */
export class GrantsTable {
  private readonly pool: pg.Pool;
  private readonly sealer: TokenSealer;

  constructor(url: string, keyring: string) {
    this.pool = new pg.Pool({ connectionString: url, max: 2, connectionTimeoutMillis: 2000 });
    this.pool.on('error', () => undefined);
    this.sealer = new TokenSealer(new Sealer(new Keyring(parseKeyring(keyring))));
  }

  async query<Row extends pg.QueryResultRow>(sql: string, values: unknown[] = []): Promise<Row[]> {
    return (await this.pool.query<Row>(sql, values)).rows;
  }

  /** Mints grants at the provider and stores them as a callback would have. */
  async seed(sandbox: StitchMoneySandbox, ledger: Ledger, seeding: Seeding): Promise<void> {
    const { switches } = sandbox;
    const usual = switches.tokenLifetime;
    const rows = seeding.users.map((user, index) => {
      const age = seeding.age(index);
      // The provider's record is to end when the row says so.
      switches.tokenLifetime = Math.max(0, seeding.lifetime - age);
      const minted = sandbox.mint();
      const expiresAt = Date.now() + (seeding.lifetime - age) * 1000;
      ledger.note(user, { ...minted, expiresAt });
      const key = { provider: 'stitch-money', userId: user, connection: 'default' };
      const grantId = randomUUID();
      const consent = { grantId, scopes: minted.scope.split(' '), confirmed: true };
      return {
        user,
        grantId,
        access: this.sealer.seal(minted.accessToken, 'access_token', key, consent),
        refresh: this.sealer.seal(minted.refreshToken, 'refresh_token', key, consent),
        scope: minted.scope,
        age,
        due: seeding.due(index),
      };
    });
    switches.tokenLifetime = usual;
    if (seeding.quietly) await this.query('ALTER TABLE stitch_grants DISABLE TRIGGER USER');
    await this.query(
      `INSERT INTO stitch_grants (provider, user_id, connection, grant_id, status, access_token,
         refresh_token, scope, obtained_at, expires_at, refresh_due_at)
       SELECT 'stitch-money', user_id, 'default', grant_id, 'active', access, refresh, scope,
         now() - age * interval '1 second',
         now() + ($8 - age) * interval '1 second', now() + due * interval '1 second'
       FROM unnest($1::text[], $2::uuid[], $3::bytea[], $4::bytea[], $5::text[], $6::float8[],
         $7::float8[]) AS s(user_id, grant_id, access, refresh, scope, age, due)`,
      [
        rows.map(({ user }) => user),
        rows.map(({ grantId }) => grantId),
        rows.map(({ access }) => access),
        rows.map(({ refresh }) => refresh),
        rows.map(({ scope }) => scope),
        rows.map(({ age }) => age),
        rows.map(({ due }) => due),
        seeding.lifetime,
      ],
    );
    if (seeding.quietly) await this.query('ALTER TABLE stitch_grants ENABLE TRIGGER USER');
  }

  /**
   * Grants that a rotation has been due for, or begun for, before `seconds` ago and has not ended. Not those
   * that are held: what their providers answered is to be understood first.
   */
  async behind(seconds: number): Promise<number> {
    const [row] = await this.query<{ count: number }>(
      `SELECT count(*)::int AS count FROM stitch_grants WHERE status = 'active' AND held_at IS NULL
         AND (refresh_due_at < now() - $1 * interval '1 second'
           OR rotation_started_at < now() - $1 * interval '1 second' OR expires_at < now())`,
      [seconds],
    );
    return row?.count ?? 0;
  }

  /** By the database's clock. */
  async now(): Promise<Date> {
    const [row] = await this.query<{ now: Date }>('SELECT now()');
    return row!.now;
  }

  /** Grants whose rotation was begun before a moment and has not ended: in doubt, or under way. */
  async open(before: Date): Promise<number> {
    const [row] = await this.query<{ count: number }>(
      `SELECT count(*)::int AS count FROM stitch_grants
       WHERE status = 'active' AND rotation_started_at < $1`,
      [before],
    );
    return row?.count ?? 0;
  }

  /** Holds every grant against what the provider knows of its refresh token. */
  async audit(sandbox: StitchMoneySandbox): Promise<Audited[]> {
    const { families, refreshes } = sandbox.save();
    const revoked = new Set(families.filter((each) => each.revoked).map(({ id }) => id));
    const usable = new Set(
      refreshes.filter((each) => each.usedAt === null && !revoked.has(each.family)).map(hashOf),
    );
    const rows = await this.query<{
      user_id: string;
      status: string;
      reason: string | null;
      refresh_token: Buffer;
    }>('SELECT user_id, status, reason, refresh_token FROM stitch_grants');
    return rows.map(({ user_id: userId, status, reason, refresh_token: sealed }) => {
      const key = { provider: 'stitch-money', userId, connection: 'default' };
      const token = shortened(this.sealer.open(sealed, 'refresh_token', key));
      const hash = createHash('sha256').update(token).digest('hex');
      return { user: userId, status, reason, refreshToken: token, usable: usable.has(hash) };
    });
  }

  async close(): Promise<void> {
    await this.pool.end();
  }
}

const hashOf = ({ hash }: { readonly hash: string }): string => hash;
