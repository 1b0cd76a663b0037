import { createHash, randomBytes } from 'node:crypto';

/** 256 random bits as 43 characters of base64url: fit for a state, a nonce or a code verifier. */
export const randomValue = (): string => randomBytes(32).toString('base64url');

/** The S256 code challenge of a verifier (RFC 7636 section 4.2). */
export const codeChallengeOf = (verifier: string): string =>
  createHash('sha256').update(verifier, 'ascii').digest('base64url');
