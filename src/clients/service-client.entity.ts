import { Column, CreateDateColumn, Entity, PrimaryColumn, Unique } from 'typeorm';
import { EntityRows, HEX, INTEGER, MILLISECONDS } from '../database/index.js';

/**
 * A caller of the internal API: a row of `service_clients`. Its keys are stored as hashes only. Times
 * are by the database's clock.
 */
@Entity('service_clients')
@Unique('service_clients_key_hash_key', ['keyHash'])
@Unique('service_clients_client_id_key', ['clientId'])
export class ServiceClient {
  @PrimaryColumn({ type: 'text', primaryKeyConstraintName: 'service_clients_pkey' })
  readonly name!: string;

  /** SHA-256 of a 256-bit random key: nothing to guess, so nothing to slow down. Null: no key. */
  @Column({ name: 'key_hash', type: 'bytea', nullable: true, transformer: HEX })
  readonly keyHash!: string | null;

  @Column({ type: 'text', array: true })
  readonly scopes!: string[];

  @CreateDateColumn({ name: 'created_at', type: 'timestamptz', transformer: MILLISECONDS })
  readonly createdAt!: number;

  @Column({ name: 'revoked_at', type: 'timestamptz', nullable: true, transformer: MILLISECONDS })
  readonly revokedAt!: number | null;

  @Column({ name: 'last_used_at', type: 'timestamptz', nullable: true, transformer: MILLISECONDS })
  readonly lastUsedAt!: number | null;

  /** Tells the client from an earlier one of the same name. */
  @Column({ name: 'client_id', type: 'uuid', generated: 'uuid' })
  readonly clientId!: string;

  /** The providers it is restricted to; null: none. */
  @Column({ type: 'text', array: true, nullable: true })
  readonly providers!: string[] | null;

  /** What the ids of the users begin with that it is restricted to; null: no restriction. */
  @Column({ name: 'user_prefixes', type: 'text', array: true, nullable: true })
  readonly userPrefixes!: string[] | null;

  /** The `sub` of the JWTs that it may present instead of a key. */
  @Column({ type: 'text', nullable: true })
  readonly subject!: string | null;

  /** The URI or DNS name of the certificates that it may present instead of a key. */
  @Column({ type: 'text', nullable: true })
  readonly certificate!: string | null;

  @Column({ name: 'expires_at', type: 'timestamptz', nullable: true, transformer: MILLISECONDS })
  readonly expiresAt!: number | null;

  /** The key before, which goes on working for a while after it was replaced. */
  @Column({ name: 'previous_key_hash', type: 'bytea', nullable: true, transformer: HEX })
  readonly previousKeyHash!: string | null;

  @Column({
    name: 'previous_key_expires_at',
    type: 'timestamptz',
    nullable: true,
    transformer: MILLISECONDS,
  })
  readonly previousKeyExpiresAt!: number | null;

  /** Counts the changes of the row. */
  @Column({ type: 'bigint', default: 1, transformer: INTEGER })
  readonly revision!: number;

  /** What vouches for the row; null for one that nobody with the keyring has written. */
  @Column({ type: 'bytea', nullable: true })
  readonly mac!: Buffer | null;
}

/** Reads rows of `service_clients`. */
export const CLIENT_ROWS = new EntityRows<ServiceClient>(ServiceClient);
