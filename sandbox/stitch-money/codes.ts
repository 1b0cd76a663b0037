import { createHash } from 'node:crypto';
import { RuleBroken } from '../common/form.js';
import { hashOf, randomToken } from '../common/secrets.js';
import type { AuthorizationRequest } from './authorization-request.js';
import type { Family } from './grant-records.js';

/** What a user granted, waiting behind a code to be fetched. */
export interface Consent {
  readonly request: AuthorizationRequest;
  readonly scope: readonly string[];
  readonly sub: string;
  /** Unix seconds. */
  readonly authTime: number;
}

interface CodeRecord extends Consent {
  readonly expiresAt: number;
  used: boolean;
  family?: Family;
}

/** Not published; the default of the server family behind stitch.money (I). */
const CODE_LIFETIME_MS = 300_000;

/** RFC 7636 section 4.1, S3. */
const VERIFIER = /^[A-Za-z0-9\-._~]{43,128}$/;

/** Authorization codes: each works once, for five minutes, and one bad attempt burns it (I). */
export class Codes {
  private readonly codes = new Map<string, CodeRecord>();

  constructor(private readonly now: () => number) {}

  issue(consent: Consent): string {
    const code = randomToken();
    const expiresAt = this.now() + CODE_LIFETIME_MS;
    this.codes.set(hashOf(code), { ...consent, expiresAt, used: false });
    return code;
  }

  /**
   * Takes what is behind a code; whatever comes of it, the code is used up.
   *
   * @throws RuleBroken `invalid_grant` with the rule
   */
  take(code: string, redirectUri: string, verifier: string): Consent {
    const record = this.codes.get(hashOf(code));
    need(record !== undefined, 'the code is one we issued');
    need(!record.used, 'a code works once (S3)');
    record.used = true;
    need(this.now() < record.expiresAt, 'a code lives for 300 seconds (I)');
    need(
      redirectUri === record.request.redirectUri,
      'redirect_uri is the one of the authorization request (S3, RFC 6749 section 4.1.3)',
    );
    need(VERIFIER.test(verifier), 'code_verifier is 43 to 128 of A-Z a-z 0-9 - . _ ~ (S3)');
    need(
      challengeOf(verifier) === record.request.codeChallenge,
      'code_challenge is the base64url SHA-256 of code_verifier (S3, RFC 7636 section 4.6)',
    );
    return record;
  }

  /** Uses a code up without a look at the attempt. */
  burn(code: string): void {
    const record = this.codes.get(hashOf(code));
    if (record) record.used = true;
  }

  /** Remembers what came of a code, so that its reuse can end it (RFC 6749 section 4.1.2). */
  remember(code: string, family: Family): void {
    const record = this.codes.get(hashOf(code));
    if (record) record.family = family;
  }

  /** The grant a used code led to. */
  familyOf(code: string): Family | undefined {
    return this.codes.get(hashOf(code))?.family;
  }
}

/** `code_challenge` of a `code_verifier`: base64url(SHA-256(verifier)), no padding (S3). */
export function challengeOf(verifier: string): string {
  return createHash('sha256').update(verifier, 'ascii').digest('base64url');
}

function need(kept: boolean, rule: string): asserts kept {
  if (!kept) throw new RuleBroken('invalid_grant', rule);
}
