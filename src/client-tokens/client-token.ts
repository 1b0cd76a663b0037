import { remaining } from '../grants/index.js';

/** Which token of a client is meant: its scopes as {@link scopeSet} writes them. */
export interface ClientTokenKey {
  readonly provider: string;
  readonly clientId: string;
  readonly scope: string;
}

/** A token of the client itself, sealed. Times in milliseconds since the epoch. */
export interface ClientToken {
  readonly accessToken: Buffer;
  readonly scopes: readonly string[];
  readonly obtainedAt: number;
  /** Null: it never expires. */
  readonly expiresAt: number | null;
}

/** Why a provider gives no such token: it knows no such scope for us, or has no such tokens for us. */
export type ClientTokenRefusal = 'scope' | 'unsupported';

/** What the database knows of a token. */
export interface ClientTokenRow extends ClientTokenKey {
  /** Null: there is none yet. */
  readonly token: ClientToken | null;
  /** Grows with every token; 0 before the first. */
  readonly version: number;
  readonly leaseExpiresAt: number | null;
  readonly failureCount: number;
  readonly refusal: ClientTokenRefusal | null;
  /** Before that the provider is not asked again. */
  readonly retryAt: number | null;
}

/** Each scope once and in one order, so that the same set is the same token. */
export const scopeSet = (scopes: readonly string[]): string =>
  [...new Set(scopes)].sort().join(' ');

/** A key as text, for maps. */
export const clientTokenText = ({ provider, clientId, scope }: ClientTokenKey): string =>
  JSON.stringify([provider, clientId, scope]);

/** Whether a token can be served at all: it has a whole second left. */
export const isAlive = (token: ClientToken | null | undefined, now: number): token is ClientToken =>
  token !== null && token !== undefined && remaining(token, now) >= 1000;

export type ClientTokenDecision =
  | { readonly kind: 'ask' }
  /** Another one asks already. */
  | { readonly kind: 'leased' }
  | { readonly kind: 'refused'; readonly refusal: ClientTokenRefusal }
  /** Milliseconds. */
  | { readonly kind: 'wait'; readonly for: number };

/** Whether the provider is to be asked for a token now, by what the database knows. Pure. */
export function decideToAsk(
  row: Pick<ClientTokenRow, 'leaseExpiresAt' | 'refusal' | 'retryAt'> | undefined,
  now: number,
): ClientTokenDecision {
  if (!row) return { kind: 'ask' };
  if ((row.leaseExpiresAt ?? 0) > now) return { kind: 'leased' };
  const wait = (row.retryAt ?? 0) - now;
  if (wait <= 0) return { kind: 'ask' };
  return row.refusal ? { kind: 'refused', refusal: row.refusal } : { kind: 'wait', for: wait };
}
