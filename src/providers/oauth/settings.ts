import type { OAuthProviderConfig } from '../../config/index.js';

/** What an OAuth provider is made of, from whatever configuration it comes. */
export interface OAuthSettings extends OAuthProviderConfig {
  /** Added to every request: without them the protocol does not work. */
  readonly requiredScopes: readonly string[];
  /** Further parameters of a request for a token of the client itself. */
  readonly clientTokenParameters: Readonly<Record<string, string>>;
  /** Whether what is not configured is taken from the issuer's metadata (RFC 8414). */
  readonly discovers: boolean;
}
