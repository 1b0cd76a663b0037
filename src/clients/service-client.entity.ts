import { Column, CreateDateColumn, Entity, PrimaryColumn, Unique } from 'typeorm';

/** A caller of the internal API. Its key is stored as a hash only. */
@Entity('service_clients')
@Unique('service_clients_key_hash_key', ['keyHash'])
export class ServiceClient {
  @PrimaryColumn({ type: 'text', primaryKeyConstraintName: 'service_clients_pkey' })
  name!: string;

  /** SHA-256 of a 256-bit random key: nothing to guess, so nothing to slow down. */
  @Column({ name: 'key_hash', type: 'bytea' })
  keyHash!: Buffer;

  @Column({ type: 'text', array: true })
  scopes!: string[];

  @CreateDateColumn({ name: 'created_at', type: 'timestamptz' })
  createdAt!: Date;

  @Column({ name: 'revoked_at', type: 'timestamptz', nullable: true })
  revokedAt!: Date | null;

  @Column({ name: 'last_used_at', type: 'timestamptz', nullable: true })
  lastUsedAt!: Date | null;
}
