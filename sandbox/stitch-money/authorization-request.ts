import { RuleBroken, required } from '../common/form.js';
import type { Form } from '../common/form.js';

/** What the app asks of the user; every rule on it has been checked. */
export interface AuthorizationRequest {
  readonly clientId: string;
  readonly redirectUri: string;
  readonly scope: readonly string[];
  readonly state: string;
  readonly nonce: string;
  readonly codeChallenge: string;
}

export interface Registration {
  readonly clientId: string;
  readonly redirectUris: readonly string[];
}

/** RFC 6749 section 3.3: the characters of one scope. */
const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]+$/;

/**
 * Checks the query of `/connect/authorize`.
 *
 * @throws RuleBroken naming the rule. The order is that of RFC 6749 section 4.1.2.1: a wrong client
 *   or address first, since then the browser must not be sent anywhere.
 */
export function checkAuthorizationRequest(
  query: Form,
  registered: Registration,
): AuthorizationRequest {
  const clientId = required(query, 'client_id');
  rule(clientId === registered.clientId, 'unauthorized_client', 'client_id is registered (S3)');
  const redirectUri = required(query, 'redirect_uri');
  rule(
    registered.redirectUris.includes(redirectUri),
    'invalid_request',
    'redirect_uri equals a registered one exactly, no wildcards (S3, P)',
  );
  rule(
    required(query, 'response_type') === 'code',
    'unsupported_response_type',
    'response_type is code (S3)',
  );
  return {
    clientId,
    redirectUri,
    scope: checkScope(required(query, 'scope')),
    state: checkRandom(query, 'state'),
    nonce: checkRandom(query, 'nonce'),
    codeChallenge: checkChallenge(query),
  };
}

function checkScope(text: string): string[] {
  const scope = text.split(' ');
  rule(
    scope.every((one) => SCOPE.test(one)),
    'invalid_scope',
    'scope is a space-separated list (S3, RFC 6749 section 3.3)',
  );
  rule(scope.includes('openid'), 'invalid_scope', 'scope holds openid (S3)');
  return [...new Set(scope)];
}

function checkRandom(query: Form, name: 'state' | 'nonce'): string {
  const value = required(query, name);
  rule(
    value.length >= 32 && value.length <= 300,
    'invalid_request',
    `${name} is 32 to 300 characters long (S3)`,
  );
  return value;
}

function checkChallenge(query: Form): string {
  const challenge = required(query, 'code_challenge');
  rule(
    /^[A-Za-z0-9_-]{43}$/.test(challenge),
    'invalid_request',
    'code_challenge is 43 base64url characters without padding (S3, RFC 7636 section 4.2)',
  );
  rule(
    required(query, 'code_challenge_method') === 'S256',
    'invalid_request',
    'code_challenge_method is S256 (S3)',
  );
  return challenge;
}

function rule(kept: boolean, code: string, text: string): asserts kept {
  if (!kept) throw new RuleBroken(code, text);
}
