import type { StitchMoneySandbox } from '../index.js';
import type { DataDirectory } from './data-directory.js';

/** The provider that `npm start` has by configuration. */
export const DEMO_BANK = 'demo-bank';
const FILE = 'providers.json';

/**
 * Describes the bank of the sandbox once more, as any provider can be described: the vault knows
 * `demo-bank` by this file alone (docs/providers.md).
 *
 * @returns the file, for `OAUTH_PROVIDERS_FILE`
 */
export function writeProviders(data: DataDirectory, bank: StitchMoneySandbox): string {
  const entry = {
    issuer: bank.url,
    authorization_endpoint: `${bank.url}/connect/authorize`,
    token_endpoint: `${bank.url}/connect/token`,
    revocation_endpoint: `${bank.url}/connect/revocation`,
    jwks_uri: `${bank.url}/connect/jwks`,
    client_id: bank.clientId,
    client_secret: bank.clientSecret,
    client_authentication: 'client_secret_post',
    scopes: ['openid', 'accounts', 'offline_access'],
  };
  data.write(FILE, JSON.stringify({ providers: { [DEMO_BANK]: entry } }, null, 2));
  return data.file(FILE);
}
