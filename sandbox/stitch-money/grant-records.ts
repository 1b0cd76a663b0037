/** One consent and every token that descends from it. */
export interface Family {
  readonly id: string;
  readonly clientId: string;
  /** `user/{client_id}/{bank}/{uuid}` (S3, decoded sample). */
  readonly sub: string;
  /** The session at the bank. */
  readonly sid: string;
  readonly scope: readonly string[];
  /** Unix seconds. */
  readonly authTime: number;
  revoked: boolean;
}

export interface IssuedTokens {
  readonly family: Family;
  readonly accessToken: string;
  /** Absent when `offline_access` was not granted (S3), or when nothing was rotated. */
  readonly refreshToken?: string;
  readonly expiresIn: number;
}

export interface AccessRecord {
  readonly family: Family;
  readonly expiresAt: number;
}

export interface RefreshRecord {
  readonly family: Family;
  usedAt: number | null;
  lastUsedOrIssuedAt: number;
}
