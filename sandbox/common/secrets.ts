import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

/** What a secret was handed out as; a leak test searches logs and dumps for every one of them. */
export type SecretKind =
  | 'access_token'
  | 'refresh_token'
  | 'id_token'
  | 'code'
  | 'ephemeral_token'
  | 'state'
  | 'nonce'
  | 'code_verifier';

export interface IssuedSecret {
  readonly kind: SecretKind;
  readonly value: string;
}

/** Every secret the sandbox has issued or been shown, in order. In memory only, never over HTTP. */
export class IssuedSecrets {
  readonly list: IssuedSecret[] = [];

  constructor(private readonly enabled: boolean) {}

  add<T extends string | undefined>(kind: SecretKind, value: T): T {
    if (this.enabled && value !== undefined) this.list.push({ kind, value });
    return value;
  }
}

/** 256 random bits as 43 base64url characters: the shape of the sample tokens and codes in S3. */
export function randomToken(): string {
  return randomBytes(32).toString('base64url');
}

/** Tokens are kept by their SHA-256 alone, so that a saved sandbox holds nothing usable. */
export function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}

/** Whether `candidate` is one of `accepted`, in time that does not depend on where they differ. */
export function isOneOf(candidate: string, accepted: readonly string[]): boolean {
  const digest = createHash('sha256').update(candidate).digest();
  return accepted.filter((one) => sameDigest(digest, one)).length > 0;
}

function sameDigest(digest: Buffer, other: string): boolean {
  return timingSafeEqual(digest, createHash('sha256').update(other).digest());
}
