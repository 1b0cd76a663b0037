import type { ClientAuth, ServerMetadata } from 'openid-client';
import { ProviderError } from '../provider-error.js';

/** A refresh call, ready to be sent. */
export interface RefreshRequest {
  readonly url: string;
  readonly method: 'POST';
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What every request has, beside what proves who the client is. */
const HEADERS = {
  accept: 'application/json',
  'user-agent': 'stitch-token-vault',
  'content-type': 'application/x-www-form-urlencoded;charset=UTF-8',
};

/**
 * The request of RFC 6749 section 6. Ours rather than the library's, which copies the server's
 * metadata twice, makes an abort signal and reads an answer for each one: half of what a rotation
 * cost, and all that it says of the answer is said by `token-answer.ts` (decision 0035). How the
 * client proves who it is remains the library's.
 *
 * @throws ProviderError `unreachable` while no token endpoint is known
 */
export async function refreshRequest(
  server: ServerMetadata,
  clientId: string,
  authenticate: (...given: Parameters<ClientAuth>) => unknown,
  refreshToken: string,
): Promise<RefreshRequest> {
  const { token_endpoint: url } = server;
  if (url === undefined) throw new ProviderError('unreachable', 'no_token_endpoint');
  const form = new URLSearchParams({ grant_type: 'refresh_token', refresh_token: refreshToken });
  const proof = new Headers();
  // Some sign, and take a while, whatever their type says.
  await authenticate(server, { client_id: clientId }, form, proof);
  const headers = { ...Object.fromEntries(proof), ...HEADERS };
  return { url, method: 'POST', headers, body: form.toString() };
}
