import { QueryFailedError } from 'typeorm';
import type { DataSource, EntityManager } from 'typeorm';
import { TAKE_OVER_LOCK } from '../audit/index.js';
import type { AuditKey } from '../audit/index.js';
import type { Query } from '../database/index.js';
import { hashBearer, newApiKey } from './api-key.js';
import { NEXT_REVISION, isVouchedFor, vouchFor } from './client-mac.js';
import { VALID } from './client-row.js';
import { ClientRegistryError, problemOf } from './new-client.js';
import type { NewClient } from './new-client.js';
import { ServiceClient } from './service-client.entity.js';

/** A key that takes the place of another one. */
export interface RotatedKey {
  readonly key: string;
  /** Until when the key before works. */
  readonly previousKeyExpiresAt: Date;
}

/** A client that was created. */
export interface CreatedClient {
  /** Shown this once and stored only as a hash; null for a client without one. */
  readonly key: string | null;
  readonly expiresAt: Date | null;
}

/** Gives the key that vouches for clients; undefined while none was made. Throws when it can't. */
export type KeySource = (query: Query) => Promise<AuditKey | undefined>;

/** Creates, lists, changes and revokes the callers of the internal API: the operator's side. */
export class ClientRegistry {
  constructor(
    private readonly dataSource: DataSource,
    private readonly keyOf: KeySource,
  ) {}

  /** @throws ClientRegistryError */
  async add(client: NewClient): Promise<CreatedClient> {
    const problem = problemOf(client);
    if (problem !== undefined) throw new ClientRegistryError('invalid', problem);
    const key = client.withKey === false ? null : newApiKey();
    return this.change(client.name, async (manager) => {
      await assertIdentityFree(manager, client);
      // The name of a client that has ended is free again; the row keeps saying when, until then.
      const [row] = await manager.query<{ expires_at: Date | null }[]>(
        `INSERT INTO service_clients AS c (name, key_hash, scopes, providers, user_prefixes,
           subject, certificate, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, now() + $8::float8 * interval '1 second')
         ON CONFLICT (name) DO UPDATE SET key_hash = EXCLUDED.key_hash, scopes = EXCLUDED.scopes,
           providers = EXCLUDED.providers, user_prefixes = EXCLUDED.user_prefixes,
           subject = EXCLUDED.subject, certificate = EXCLUDED.certificate,
           expires_at = EXCLUDED.expires_at, client_id = EXCLUDED.client_id, created_at = now(),
           revoked_at = NULL, last_used_at = NULL, previous_key_hash = NULL,
           previous_key_expires_at = NULL, revision = greatest(c.revision + 1, extract(epoch FROM now())::bigint)
         WHERE c.revoked_at IS NOT NULL OR c.expires_at <= now()
         RETURNING expires_at`,
        [
          client.name,
          key === null ? null : stored(key),
          [...new Set(client.scopes)],
          client.providers ?? null,
          client.userPrefixes ?? null,
          client.subject ?? null,
          client.certificate ?? null,
          client.expiresInSeconds ?? null,
        ],
      );
      if (!row) {
        const message = `There is a client named ${client.name} already`;
        throw new ClientRegistryError('name_taken', message);
      }
      return { key, expiresAt: row.expires_at };
    });
  }

  list(): Promise<ServiceClient[]> {
    return this.dataSource.getRepository(ServiceClient).find({ order: { name: 'ASC' } });
  }

  /**
   * Gives a client another key. Two are valid at most: an older one than the present one ends now.
   *
   * @param overlapSeconds how long the present one goes on working; 0: it ends at once, on every
   *   replica
   * @throws ClientRegistryError
   */
  async rotate(name: string, overlapSeconds: number): Promise<RotatedKey> {
    const key = newApiKey();
    const [rows] = await this.change(
      name,
      (manager) =>
        manager.query<[{ until: Date }[], number]>(
          `UPDATE service_clients SET key_hash = $2, revision = ${NEXT_REVISION},
         previous_key_hash = CASE WHEN $3::float8 > 0 THEN key_hash END,
         previous_key_expires_at =
           CASE WHEN $3::float8 > 0 THEN least(now() + $3 * interval '1 second', expires_at) END
       WHERE name = $1 AND ${VALID} AND key_hash IS NOT NULL
       RETURNING coalesce(previous_key_expires_at, now()) AS until`,
          [name, stored(key), overlapSeconds],
        ),
      { onlyGenuine: true },
    );
    const [row] = rows;
    if (!row) throw await this.whyNoKey(name);
    return { key, previousKeyExpiresAt: row.until };
  }

  /**
   * Makes whatever the client proves itself with worthless, on every replica at once.
   *
   * Whoever has no keyring at hand may do it, too: it takes away, and a client that nothing vouches
   * for is refused anyhow.
   *
   * @throws ClientRegistryError
   */
  async revoke(name: string): Promise<void> {
    const [, affected] = await this.change(
      name,
      (manager) =>
        manager.query<[unknown[], number]>(
          `UPDATE service_clients SET revoked_at = now(), revision = ${NEXT_REVISION}, mac = NULL
         WHERE name = $1 AND revoked_at IS NULL`,
          [name],
        ),
      { keyOptional: true },
    );
    if (affected === 0) throw notFound(name);
  }

  /**
   * Vouches for a client that somebody changed or added without the keyring, as it now is.
   *
   * @returns the client, for the operator to see what was vouched for
   * @throws ClientRegistryError
   */
  async vouch(name: string): Promise<ServiceClient> {
    const [, affected] = await this.change(name, (manager) =>
      manager.query<[unknown[], number]>(
        `UPDATE service_clients SET revision = ${NEXT_REVISION} WHERE name = $1 AND ${VALID}`,
        [name],
      ),
    );
    const client = await this.dataSource.getRepository(ServiceClient).findOneBy({ name });
    if (affected === 0 || !client) throw notFound(name);
    return client;
  }

  /**
   * A change that an operator makes, which the audit ascribes to them. The row is vouched for
   * afterwards where there is a key, so what keeps something of the row is for genuine ones only.
   */
  private change<T>(
    name: string,
    work: (manager: EntityManager) => Promise<T>,
    { onlyGenuine = false, keyOptional = false } = {},
  ): Promise<T> {
    return this.dataSource.transaction(async (manager) => {
      const query: Query = (sql, parameters) => manager.query(sql, parameters);
      await query(`SELECT set_config('stitch_vault.client', 'operator', true)`);
      // Not while a vault takes over: it vouches for what is there then.
      await query('SELECT pg_advisory_xact_lock($1)', [TAKE_OVER_LOCK]);
      const key = await this.keyOf(query).catch((error: unknown) => {
        // A statement that failed has ended the transaction: what follows would only hide why.
        if (keyOptional && !(error instanceof QueryFailedError)) return undefined;
        throw error;
      });
      if (key && onlyGenuine && !(await isVouchedFor(query, key, { name }))) throw notGenuine(name);
      const result = await work(manager);
      if (key) await vouchFor(query, key, { name });
      return result;
    });
  }

  private async whyNoKey(name: string): Promise<ClientRegistryError> {
    const found = await this.dataSource.query<unknown[]>(
      `SELECT 1 FROM service_clients WHERE name = $1 AND ${VALID}`,
      [name],
    );
    if (found.length === 0) return notFound(name);
    return new ClientRegistryError('no_key', `The client ${name} has no API key`);
  }
}

/**
 * Who may prove itself by a subject or a certificate must be one client.
 *
 * @throws ClientRegistryError
 */
async function assertIdentityFree(manager: EntityManager, client: NewClient): Promise<void> {
  const { name, subject, certificate } = client;
  if ((subject ?? certificate) === undefined) return;
  // One after the other: two that are created at once must not both find it free.
  await manager.query(`SELECT pg_advisory_xact_lock(hashtext('stitch_vault.clients'))`);
  const taken = await manager.query<{ name: string }[]>(
    `SELECT name FROM service_clients
     WHERE ${VALID} AND name <> $1 AND (subject = $2 OR lower(certificate) = lower($3)) LIMIT 1`,
    [name, subject ?? null, certificate ?? null],
  );
  if (taken[0]) {
    throw new ClientRegistryError(
      'identity_taken',
      `The client ${taken[0].name} has this subject or certificate already`,
    );
  }
}

const stored = (key: string): Buffer => Buffer.from(hashBearer(key), 'hex');

const notFound = (name: string): ClientRegistryError =>
  new ClientRegistryError('not_found', `There is no valid client named ${name}`);

const notGenuine = (name: string): ClientRegistryError =>
  new ClientRegistryError(
    'not_genuine',
    `Somebody without the keyring changed the client ${name}: create it anew, or see clients vouch`,
  );
