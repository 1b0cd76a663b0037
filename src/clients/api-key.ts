import { hash, randomBytes } from 'node:crypto';

/** Marks a key as ours for secret scanners. */
const PREFIX = 'stv_';

/** A new API key: 256 random bits. */
export const newApiKey = (): string => PREFIX + randomBytes(32).toString('base64url');

/** How a key is stored and looked up: SHA-256, in hexadecimal digits. */
export const hashApiKey = (key: string): string => hash('sha256', key, 'hex');

/** The key of an `Authorization: Bearer …` header (RFC 6750 section 2.1), if it can be one. */
export function bearerKey(header: string | undefined): string | undefined {
  return /^Bearer +([A-Za-z0-9._~+/=-]{1,200})$/i.exec(header ?? '')?.[1];
}
