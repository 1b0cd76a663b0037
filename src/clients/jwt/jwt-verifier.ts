import { decodeJwt, decodeProtectedHeader, errors, jwtVerify } from 'jose';
import type { CryptoKey, JWTPayload, JWTVerifyOptions } from 'jose';
import { LRUCache } from 'lru-cache';
import { VaultError, issuerUnavailable, unauthorized } from '../../common/index.js';
import type { Clock } from '../../common/index.js';
import type { JwtConfig } from '../../config/index.js';
import { hashBearer } from '../api-key.js';
import type { IssuerKeys } from './issuer-keys.js';

/** Asymmetric ones only: with an HMAC whoever knows the issuer's public key could sign. */
const ALGORITHMS = [
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  ...['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
];
/** Media types of tokens that are meant for an API (RFC 9068; RFC 8725 section 3.11). */
const TYPES = ['jwt', 'at+jwt', 'application/at+jwt', 'application/jwt'];
/** Seconds by which the issuer's clock and ours may differ. */
const TOLERANCE_SECONDS = 60;
/** Tokens of clients remembered at most. */
const CAPACITY = 10_000;
/** Keys that may fit a token without `kid` at most. */
const MAX_CANDIDATES = 10;

/** A token that is to be believed. */
export interface VerifiedJwt {
  readonly subject: string;
  /** Milliseconds since the epoch, without the tolerance. */
  readonly expiresAt: number;
  /** Of the keys that it was verified by. */
  readonly generation: number;
}

/** Three parts in base64url: what could be a JWT (RFC 7515 section 7.1). */
export const isJwt = (text: string): boolean =>
  /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*$/.test(text);

/**
 * Verifies the JWTs that callers present (RFC 7519, RFC 8725). What is wrong with one is told to
 * nobody.
 */
export class JwtVerifier {
  private generation = 0;
  private readonly verified = new LRUCache<string, VerifiedJwt>({ max: CAPACITY });

  constructor(
    private readonly config: JwtConfig,
    private readonly keys: IssuerKeys,
    private readonly clock: Clock,
  ) {}

  /** Forgets every token: a key that signed some may be gone. */
  forget(): void {
    this.generation += 1;
    this.verified.clear();
  }

  /** The subject of a token that was verified before and is still good. @param hash see `hashBearer` */
  known(hash: string): string | undefined {
    const verified = this.verified.get(hash);
    if (!verified) return undefined;
    const now = this.clock.now() - TOLERANCE_SECONDS * 1000;
    return now < verified.expiresAt ? verified.subject : undefined;
  }

  /**
   * Remembers a token that turned out to be a client's, so that it is {@link known} next time. Not
   * every one that is verified: the issuer has other tokens, and they would push the clients' out.
   */
  remember(token: string, verified: VerifiedJwt): void {
    if (verified.generation === this.generation) this.verified.set(hashBearer(token), verified);
  }

  /**
   * @returns a token that is to be believed
   * @throws VaultError 401, or 503 `issuer_unavailable`
   */
  async verify(token: string): Promise<VerifiedJwt> {
    const { generation } = this;
    try {
      // First what needs no key, so that nobody has keys fetched by what could never be believed.
      this.assertPlausible(token);
      const keys = await this.keys.first();
      if (!keys) throw issuerUnavailable();
      const { sub, exp } = await this.verifyBy(token, keys);
      if (typeof sub !== 'string' || exp === undefined) throw unauthorized();
      return { subject: sub, expiresAt: exp * 1000, generation };
    } catch (error) {
      if (error instanceof VaultError) throw error;
      throw unauthorized();
    }
  }

  /** @throws whatever is wrong with it */
  private assertPlausible(token: string): void {
    const { alg, typ, crit, b64 } = decodeProtectedHeader(token);
    const { iss, aud } = decodeJwt(token);
    const plausible =
      ALGORITHMS.includes(String(alg)) &&
      (typ === undefined || TYPES.includes(typ.toLowerCase())) &&
      crit === undefined &&
      b64 === undefined &&
      iss === this.config.issuer &&
      [aud].flat().includes(this.config.audience);
    if (!plausible) throw unauthorized();
  }

  private async verifyBy(
    token: string,
    keys: NonNullable<IssuerKeys['current']>,
  ): Promise<JWTPayload> {
    try {
      return (await jwtVerify(token, keys, this.options())).payload;
    } catch (error) {
      if (error instanceof errors.JWKSMultipleMatchingKeys) return this.verifyByAny(token, error);
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
    }
    const again = await this.keys.again();
    if (!again) throw issuerUnavailable();
    return (await jwtVerify(token, again, this.options())).payload;
  }

  /** A token without `kid`, and several keys that may have signed it. */
  private async verifyByAny(
    token: string,
    candidates: AsyncIterable<CryptoKey>,
  ): Promise<JWTPayload> {
    let tried = 0;
    for await (const key of candidates) {
      tried += 1;
      if (tried > MAX_CANDIDATES) break;
      try {
        return (await jwtVerify(token, key, this.options())).payload;
      } catch (error) {
        if (!(error instanceof errors.JWSSignatureVerificationFailed)) throw error;
      }
    }
    throw unauthorized();
  }

  private options(): JWTVerifyOptions {
    return {
      algorithms: ALGORITHMS,
      issuer: this.config.issuer,
      audience: this.config.audience,
      requiredClaims: ['exp', 'sub'],
      clockTolerance: TOLERANCE_SECONDS,
      currentDate: new Date(this.clock.now()),
    };
  }
}
