import type { Token as TokenAnswer } from './api.js';

type ClientTokenAnswer = Omit<TokenAnswer, 'connection' | 'version' | 'stitch_account_id'>;

/** Which of a user's grants is meant. */
export interface GrantOptions {
  /** Default: `stitch-money`. */
  readonly provider?: string;
  /** Which of the user's links at this provider. Default: `default`. */
  readonly connection?: string;
}

/** What the token has to be good for. */
export interface TokenOptions extends GrantOptions {
  /** Seconds that the token must have left, 0 to 3600. Default: the vault's `MIN_TTL`. */
  readonly minTtl?: number;
  /** Scopes that the token must have: separated by spaces, or as a list. */
  readonly scope?: string | readonly string[];
  /** Ends the waiting; what is thrown then is its reason, an `AbortError` unless another was given. */
  readonly signal?: AbortSignal;
}

/** What a token of the client itself has to be good for. */
export interface ClientTokenOptions {
  /** Scopes that the token must have: separated by spaces, or as a list. */
  readonly scope: string | readonly string[];
  /** Seconds that the token must have left, 0 to 3600. Default: the vault's `MIN_TTL`. */
  readonly minTtl?: number;
  /** Ends the waiting; what is thrown then is its reason, an `AbortError` unless another was given. */
  readonly signal?: AbortSignal;
}

/** A bearer token of the client itself, for what is done for no user. */
export type ClientToken = Omit<Token, 'connection' | 'version' | 'stitchAccountId'>;

/** A bearer token that is valid now, as far as the vault can know. */
export interface Token {
  readonly accessToken: string;
  readonly tokenType: string;
  /** Seconds left, rounded down; null for a token that never expires. */
  readonly expiresIn: number | null;
  readonly expiresAt: Date | null;
  /** What the user granted, separated by spaces. */
  readonly scope: string;
  readonly provider: string;
  readonly connection: string;
  /** Grows with every rotation and every new consent. */
  readonly version: number;
  /** The account's number at Stitch Connect; there for that provider alone. */
  readonly stitchAccountId?: number;
}

/** Whether an answer is the one that is described: a proxy may have answered in the vault's place. */
export function isTokenAnswer(value: unknown): value is TokenAnswer {
  if (!isClientTokenAnswer(value)) return false;
  const { connection, version } = value as Partial<TokenAnswer>;
  return typeof connection === 'string' && typeof version === 'number';
}

/** The members that a token of the client itself has as well. */
export function isClientTokenAnswer(value: unknown): value is ClientTokenAnswer {
  if (typeof value !== 'object' || value === null) return false;
  const { access_token, token_type, expires_in, expires_at, scope, provider } =
    value as Partial<ClientTokenAnswer>;
  return (
    typeof access_token === 'string' &&
    /^[\x21-\x7e]+$/.test(access_token) &&
    typeof token_type === 'string' &&
    (expires_in === null || typeof expires_in === 'number') &&
    (expires_at === null ||
      (typeof expires_at === 'string' && !Number.isNaN(Date.parse(expires_at)))) &&
    typeof scope === 'string' &&
    typeof provider === 'string'
  );
}

export function toClientToken(answer: ClientTokenAnswer): ClientToken {
  return {
    accessToken: answer.access_token,
    tokenType: answer.token_type,
    expiresIn: answer.expires_in,
    expiresAt: answer.expires_at === null ? null : new Date(answer.expires_at),
    scope: answer.scope,
    provider: answer.provider,
  };
}

export function toToken(answer: TokenAnswer): Token {
  return {
    ...toClientToken(answer),
    connection: answer.connection,
    version: answer.version,
    ...(answer.stitch_account_id === undefined
      ? {}
      : { stitchAccountId: answer.stitch_account_id }),
  };
}
