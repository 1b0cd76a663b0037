import { CLIENT_SCOPES } from '../common/index.js';
import { IsNull } from 'typeorm';
import type { DataSource } from 'typeorm';
import { hashApiKey, newApiKey } from './api-key.js';
import { ServiceClient } from './service-client.entity.js';

export const CLIENT_NAME = /^[A-Za-z0-9._-]{1,64}$/;

/** A problem an operator can mend: a bad name, an unknown scope, a name taken. */
export class ClientRegistryError extends Error {
  constructor(
    readonly code: 'invalid_name' | 'invalid_scope' | 'name_taken' | 'not_found',
    message: string,
  ) {
    super(message);
    this.name = 'ClientRegistryError';
  }
}

/** Creates, lists and revokes the callers of the internal API: the operator's side. */
export class ClientRegistry {
  constructor(private readonly dataSource: DataSource) {}

  /**
   * @returns the API key, which is shown this once and stored only as a hash
   * @throws ClientRegistryError
   */
  async create(name: string, scopes: readonly string[]): Promise<string> {
    if (!CLIENT_NAME.test(name)) {
      throw new ClientRegistryError('invalid_name', 'A name is 1 to 64 of A-Z a-z 0-9 . _ -');
    }
    const unknown = scopes.filter((scope) => !CLIENT_SCOPES.some((known) => known === scope));
    if (unknown.length > 0 || scopes.length === 0) {
      throw new ClientRegistryError('invalid_scope', `Scopes are ${CLIENT_SCOPES.join(', ')}`);
    }
    const key = newApiKey();
    // The name of a revoked client is free again; the row keeps saying when, until then.
    const inserted = await this.dataSource.query<unknown[]>(
      `INSERT INTO service_clients AS c (name, key_hash, scopes) VALUES ($1, $2, $3)
       ON CONFLICT (name) DO UPDATE SET key_hash = EXCLUDED.key_hash, scopes = EXCLUDED.scopes,
         created_at = now(), revoked_at = NULL, last_used_at = NULL
       WHERE c.revoked_at IS NOT NULL
       RETURNING name`,
      [name, Buffer.from(hashApiKey(key), 'hex'), [...new Set(scopes)]],
    );
    if (inserted.length === 0) {
      throw new ClientRegistryError('name_taken', `There is a client named ${name} already`);
    }
    return key;
  }

  list(): Promise<ServiceClient[]> {
    return this.dataSource.getRepository(ServiceClient).find({ order: { name: 'ASC' } });
  }

  /**
   * Makes the client's key worthless, on every replica at once.
   *
   * @throws ClientRegistryError
   */
  async revoke(name: string): Promise<void> {
    const { affected } = await this.dataSource
      .getRepository(ServiceClient)
      .update({ name, revokedAt: IsNull() }, { revokedAt: new Date() });
    if (affected === 0) {
      throw new ClientRegistryError('not_found', `There is no valid client named ${name}`);
    }
  }
}
