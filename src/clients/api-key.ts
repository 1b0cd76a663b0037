import { hash, randomBytes } from 'node:crypto';

/** Marks a key as ours for secret scanners. */
const PREFIX = 'stv_';
const API_KEY = /^stv_[A-Za-z0-9_-]{43}$/;

/** A new API key: 256 random bits. */
export const newApiKey = (): string => PREFIX + randomBytes(32).toString('base64url');

/** How a key is stored, and what callers show is looked up: SHA-256, in hexadecimal digits. */
export const hashBearer = (bearer: string): string => hash('sha256', bearer, 'hex');

/** Whether the text can be an API key: what cannot is nowhere looked for. */
export const isApiKey = (text: string): boolean => API_KEY.test(text);

/** The credential of an `Authorization: Bearer …` header (RFC 6750 section 2.1), if it has one. */
export function bearerOf(header: string | undefined): string | undefined {
  return /^Bearer +([A-Za-z0-9._~+/=-]{1,8192})$/i.exec(header ?? '')?.[1];
}
