import { createHash } from 'node:crypto';
import { SignJWT, UnsecuredJWT, exportJWK, generateKeyPair } from 'jose';
import type { CryptoKey, JWK } from 'jose';
import { randomToken } from '../common/secrets.js';
import type { Family } from './grant-records.js';
import type { IdTokenFault } from './switches.js';

interface SigningKey {
  readonly privateKey: CryptoKey;
  readonly jwk: JWK;
}

let shared: Promise<SigningKey> | undefined;

/** One RSA key for all servers of this process: making one takes a tenth of a second. */
function signingKey(): Promise<SigningKey> {
  shared ??= makeKey();
  return shared;
}

async function makeKey(): Promise<SigningKey> {
  const { privateKey, publicKey } = await generateKeyPair('RS256');
  const jwk = { ...(await exportJWK(publicKey)), kid: randomToken(), use: 'sig', alg: 'RS256' };
  return { privateKey, jwk };
}

/** The published key set (RFC 7517 section 5). */
export async function publishedKeys(): Promise<{ keys: JWK[] }> {
  return { keys: [(await signingKey()).jwk] };
}

export interface IdTokenFacts {
  readonly issuer: string;
  readonly family: Family;
  readonly accessToken: string;
  /** Unix seconds. */
  readonly issuedAt: number;
  /** Of the authorization request; both are left out after a refresh (I). */
  readonly nonce?: string;
  readonly state?: string;
}

/** Five minutes: `exp` less `iat` in the sample of S3. */
const LIFETIME = 300;

/**
 * An id_token with the claims S3's sample has: RS256, `iss aud nonce iat nbf exp at_hash s_hash sid
 * sub auth_time idp amr`; or one that is wrong in the way `fault` says.
 */
export async function makeIdToken(facts: IdTokenFacts, fault: IdTokenFault): Promise<string> {
  const claims = claimsOf(facts, fault);
  if (fault === 'alg_none') return new UnsecuredJWT(claims).encode();
  const { privateKey, jwk } = await signingKey();
  const header = { alg: 'RS256', kid: jwk.kid, typ: 'JWT' };
  const token = await new SignJWT(claims).setProtectedHeader(header).sign(privateKey);
  return fault === 'bad_signature' ? withBrokenSignature(token) : token;
}

function claimsOf(facts: IdTokenFacts, fault: IdTokenFault): Record<string, unknown> {
  const { family, nonce, state } = facts;
  const issuedAt = fault === 'expired' ? facts.issuedAt - 2 * LIFETIME - 3600 : facts.issuedAt;
  return {
    nbf: issuedAt,
    exp: issuedAt + LIFETIME,
    iss: fault === 'wrong_issuer' ? 'https://issuer.example' : facts.issuer,
    aud: fault === 'wrong_audience' ? 'another-client' : family.clientId,
    ...(fault === 'wrong_authorized_party' && { azp: 'another-client' }),
    ...(nonce !== undefined && { nonce: fault === 'wrong_nonce' ? randomToken() : nonce }),
    iat: issuedAt,
    at_hash: halfHash(fault === 'bad_at_hash' ? randomToken() : facts.accessToken),
    ...(state !== undefined && { s_hash: halfHash(state) }),
    sid: family.sid,
    sub: fault === 'wrong_subject' ? randomToken() : family.sub,
    auth_time: family.authTime,
    idp: 'local',
    amr: ['pwd'],
  };
}

/** OpenID Connect Core section 3.1.3.6: the left half of the SHA-256, base64url. */
export function halfHash(text: string): string {
  return createHash('sha256').update(text, 'ascii').digest().subarray(0, 16).toString('base64url');
}

function withBrokenSignature(token: string): string {
  const [header = '', claims = '', signature = ''] = token.split('.');
  const bytes = Buffer.from(signature, 'base64url');
  bytes[0] = (bytes[0] ?? 0) ^ 1;
  return `${header}.${claims}.${bytes.toString('base64url')}`;
}
