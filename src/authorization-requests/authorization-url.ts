import { metadataUnavailable, providerMisconfigured } from '../common/index.js';
import { ProviderError } from '../providers/index.js';
import type { AuthorizationParameters, TokenProvider } from '../providers/index.js';

/** Seconds after which a link may be begun again. */
const RETRY_AFTER_SECONDS = 2;
/** What does not pass by waiting: somebody has to change the configuration. */
const MISCONFIGURED: Readonly<Record<string, string | undefined>> = {
  metadata_issuer_mismatch: 'Its metadata names another issuer than the configuration does.',
  metadata_endpoint_insecure: 'Its metadata names an endpoint that is no https URL.',
  no_metadata: 'It publishes no metadata, and the configuration lacks endpoints.',
  no_authorization_endpoint: 'Neither its metadata nor the configuration has this endpoint.',
  pushed_requests_required: 'It takes pushed authorization requests alone (RFC 9126).',
};

/**
 * Where the user consents.
 *
 * @throws VaultError 502 `provider_misconfigured`, 503 `provider_unavailable` while the provider's
 *   metadata can't be had
 */
export async function authorizationUrlOf(
  provider: TokenProvider,
  parameters: AuthorizationParameters,
): Promise<string> {
  try {
    return await provider.authorizationUrl(parameters);
  } catch (error) {
    if (!(error instanceof ProviderError)) throw error;
    const { reason } = error;
    const wrong = MISCONFIGURED[reason];
    if (wrong !== undefined) throw providerMisconfigured(wrong, reason);
    throw metadataUnavailable(reason, RETRY_AFTER_SECONDS);
  }
}
