import type { RevocationReach } from '../config/index.js';
import type { ProviderAnswer } from './answer.js';

/**
 * What a provider can do, as data: the rest of the vault asks these questions and never a
 * provider's name.
 */
export interface ProviderCapabilities {
  /** Returns `state` to the callback, so that the answer can be tied to its request by it. */
  readonly echoesState: boolean;
  /** Knows scopes; without it `scopes` in a request is refused. */
  readonly scopes: boolean;
  /** Has a revocation endpoint (RFC 7009). */
  readonly revokes: boolean;
  /**
   * What a revocation ends: the token's own grant, or all that the user has consented to for this
   * client, which RFC 7009 section 2.1 leaves to the provider. With `consent` nothing is revoked
   * while another grant of the same subject is alive.
   */
  readonly revocation: RevocationReach;
  /** Takes details of the user to fill its sign-up form with. */
  readonly prefill: boolean;
}

/** What the authorization URL of one request is made of. */
export interface AuthorizationParameters {
  readonly redirectUri: string;
  readonly state: string;
  readonly nonce: string;
  readonly codeChallenge: string;
  readonly scopes: readonly string[];
  /** Details to fill the sign-up form with, by the provider's own parameter names. */
  readonly prefill: Readonly<Record<string, string>>;
}

/** What the callback brought and what was kept for it. */
export interface CodeExchange {
  readonly redirectUri: string;
  readonly code: string;
  readonly state: string;
  /** `iss` of the callback, where it had one (RFC 9207). */
  readonly issuer?: string | undefined;
  readonly nonce: string;
  readonly codeVerifier: string;
  /** Requested scopes: what was granted when the answer does not say (RFC 6749 section 5.1). */
  readonly scopes: readonly string[];
}

/** A provider's answer, in the vault's terms. */
export interface IssuedTokens {
  readonly accessToken: string;
  /** Null: the answer had none. After a refresh this means that the old one stays valid. */
  readonly refreshToken: string | null;
  /** Null: the answer did not say; the scope is what was asked for, or what it was before. */
  readonly scopes: readonly string[] | null;
  /** How many scopes of the answer are left out because there are too many. */
  readonly droppedScopes?: number;
  /** Seconds from the moment of asking; null for a token that never expires. */
  readonly expiresIn: number | null;
  /** The subject the provider knows the user by, where it says. */
  readonly subject: string | null;
  /** The provider's own number of the account, where it has one. */
  readonly accountId: number | null;
}

/**
 * Takes an answer that may hold tokens, as it came and before it is understood: to be sealed and
 * kept, for there is no second one.
 */
export type KeepAnswer = (answer: ProviderAnswer) => void;

/** What a provider gives the client itself, for no user (RFC 6749 section 4.4). */
export interface ClientTokenGrant {
  /** The client that the tokens are of. */
  readonly clientId: string;
  /** Asks for a token with these scopes. @throws ProviderError */
  request(scopes: readonly string[]): Promise<IssuedTokens>;
}

/** One provider. Adding one is a folder and a line in the table: see docs/providers.md. */
export interface TokenProvider {
  readonly name: string;
  readonly capabilities: ProviderCapabilities;
  /** What the provider calls itself in `iss` (RFC 9207), where it does. */
  readonly issuer: string | undefined;
  /** Undefined: the provider has no tokens for the client itself. */
  readonly clientTokens?: ClientTokenGrant | undefined;
  /** For how long a refresh token lives unused; null or undefined: for ever, or not known. */
  readonly refreshTokenIdleSeconds?: number | null;
  /** Asked for when a request names none. */
  readonly defaultScopes: readonly string[];
  /** Added to every request: without them the protocol does not work. */
  readonly requiredScopes: readonly string[];

  /** The provider's own URL, where the user consents. */
  authorizationUrl(parameters: AuthorizationParameters): string | Promise<string>;

  /** Exchanges a code for tokens. @throws ProviderError */
  exchangeCode(exchange: CodeExchange): Promise<IssuedTokens>;

  /**
   * Presents a refresh token. Whatever may have brought a new one goes to `keep` first.
   *
   * @throws ProviderError; UnreadableAnswerError for an answer that {@link understand} refuses
   */
  refresh(refreshToken: string, keep?: KeepAnswer): Promise<IssuedTokens>;

  /**
   * What an answer to a refresh says: a pure function of it, so that answers which were kept can be
   * understood later, by newer code.
   *
   * @throws ProviderError for a refusal, UnreadableAnswerError for what can't be understood
   */
  understand(answer: ProviderAnswer): IssuedTokens;

  /** Revokes a refresh token (RFC 7009); unknown tokens are no error. @throws ProviderError */
  revoke(refreshToken: string): Promise<void>;

  /**
   * The addresses that it calls or sends browsers to, by what they are for: to see whether they
   * answer. @throws ProviderError when they can't be found out
   */
  endpoints?(): Promise<Readonly<Record<string, string>>>;

  /**
   * Whether the API accepts an access token, for providers whose suspended tokens may come back to
   * life. @throws ProviderError when it could not be found out
   */
  verify?(accessToken: string): Promise<boolean>;
}
