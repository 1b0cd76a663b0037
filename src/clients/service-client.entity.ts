import { Column, CreateDateColumn, Entity, PrimaryColumn, Unique } from 'typeorm';

/** A caller of the internal API. Its keys are stored as hashes only. */
@Entity('service_clients')
@Unique('service_clients_key_hash_key', ['keyHash'])
@Unique('service_clients_client_id_key', ['clientId'])
export class ServiceClient {
  @PrimaryColumn({ type: 'text', primaryKeyConstraintName: 'service_clients_pkey' })
  name!: string;

  /** SHA-256 of a 256-bit random key: nothing to guess, so nothing to slow down. Null: no key. */
  @Column({ name: 'key_hash', type: 'bytea', nullable: true })
  keyHash!: Buffer | null;

  @Column({ type: 'text', array: true })
  scopes!: string[];

  @CreateDateColumn({ name: 'created_at', type: 'timestamptz' })
  createdAt!: Date;

  @Column({ name: 'revoked_at', type: 'timestamptz', nullable: true })
  revokedAt!: Date | null;

  @Column({ name: 'last_used_at', type: 'timestamptz', nullable: true })
  lastUsedAt!: Date | null;

  /** Tells the client from an earlier one of the same name. */
  @Column({ name: 'client_id', type: 'uuid', generated: 'uuid' })
  clientId!: string;

  /** The providers it is restricted to; null: none. */
  @Column({ type: 'text', array: true, nullable: true })
  providers!: string[] | null;

  /** What the ids of the users begin with that it is restricted to; null: no restriction. */
  @Column({ name: 'user_prefixes', type: 'text', array: true, nullable: true })
  userPrefixes!: string[] | null;

  /** The `sub` of the JWTs that it may present instead of a key. */
  @Column({ type: 'text', nullable: true })
  subject!: string | null;

  /** The URI or DNS name of the certificates that it may present instead of a key. */
  @Column({ type: 'text', nullable: true })
  certificate!: string | null;

  @Column({ name: 'expires_at', type: 'timestamptz', nullable: true })
  expiresAt!: Date | null;

  /** The key before, which goes on working for a while after it was replaced. */
  @Column({ name: 'previous_key_hash', type: 'bytea', nullable: true })
  previousKeyHash!: Buffer | null;

  @Column({ name: 'previous_key_expires_at', type: 'timestamptz', nullable: true })
  previousKeyExpiresAt!: Date | null;

  /** Counts the changes of the row. */
  @Column({ type: 'bigint', default: 1 })
  revision!: string;

  /** What vouches for the row; null for one that nobody with the keyring has written. */
  @Column({ type: 'bytea', nullable: true })
  mac!: Buffer | null;
}
