// Generated from the vault's /openapi.json by scripts/api-types.mjs: change it there.

export interface Token {
  access_token: string;
  token_type: string;
  /**
   * Seconds left, rounded down; null for a token that never expires.
   */
  expires_in: number | null;
  expires_at: string | null;
  /**
   * Granted scopes, separated by spaces.
   */
  scope: string;
  provider: string;
  connection: string;
  /**
   * Grows with every rotation.
   */
  version: number;
  /**
   * The provider's own account number, where it has one.
   */
  stitch_account_id?: number;
}

export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  /**
   * Stable; branch on this.
   */
  code: string;
  /**
   * Why the user must consent again.
   */
  reason?: 'grant_revoked' | 'rotation_lost' | 'no_refresh_token' | 'suspended' | 'refused';
  /**
   * Scopes asked for but not granted.
   */
  missing_scopes?: string[];
  /**
   * What is wrong, by field.
   */
  errors?: {
    [k: string]: string[];
  };
}

export interface Rejection {
  provider?: string;
  connection?: string;
  /**
   * The version that was refused.
   */
  version: number;
}
