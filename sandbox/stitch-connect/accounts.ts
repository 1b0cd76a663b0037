import { randomUUID } from 'node:crypto';
import { RuleBroken } from '../common/form.js';
import { hashOf, randomToken } from '../common/secrets.js';
import type { IssuedSecrets } from '../common/secrets.js';

export interface Person {
  readonly email: string;
  readonly first_name: string;
  readonly last_name: string;
  readonly company: string;
}

export interface Account extends Person {
  readonly stitchAccountId: number;
}

export interface TokenRecord {
  /** What the account page calls it by. */
  readonly id: string;
  readonly stitchAccountId: number;
  readonly createdAt: number;
  /** Turned off by the user; may be turned on again (P). */
  revoked: boolean;
}

interface CodeRecord {
  readonly stitchAccountId: number;
  readonly expiresAt: number;
  used: boolean;
}

/** Accounts and tokens as they are written to disk: tokens by SHA-256 only. */
export interface SavedAccounts {
  readonly accounts: readonly Account[];
  readonly tokens: readonly (TokenRecord & { readonly hash: string })[];
}

/** "Each temporary authorization code … expires five minutes after creation" (S0). */
const CODE_LIFETIME_MS = 300_000;
/** Ephemeral tokens expire "one hour after generation" (S2). */
const EPHEMERAL_LIFETIME_MS = 3_600_000;
const FIRST_ACCOUNT_ID = 100_001;

interface Needs {
  readonly issued: IssuedSecrets;
  readonly now: () => number;
  readonly changed: () => void;
}

/** Client accounts, by e-mail address, and every credential made for them. */
export class Accounts {
  readonly byEmail = new Map<string, Account>();
  readonly tokens = new Map<string, TokenRecord>();
  private readonly codes = new Map<string, CodeRecord>();
  private readonly ephemeral = new Map<string, number>();

  constructor(private readonly needs: Needs) {}

  find(email: string): Account | undefined {
    return this.byEmail.get(email.toLowerCase());
  }

  create(person: Person): Account {
    const account = { ...person, stitchAccountId: FIRST_ACCOUNT_ID + this.byEmail.size };
    this.byEmail.set(person.email.toLowerCase(), account);
    this.needs.changed();
    return account;
  }

  /** A token that never expires, bound to one account (S2). */
  issueToken({ stitchAccountId }: Pick<Account, 'stitchAccountId'>): string {
    const token = this.needs.issued.add('access_token', `ac_${randomToken()}`);
    const createdAt = this.needs.now();
    const id = randomUUID();
    this.tokens.set(hashOf(token), { id, stitchAccountId, createdAt, revoked: false });
    this.needs.changed();
    return token;
  }

  issueCode({ stitchAccountId }: Account): string {
    const code = this.needs.issued.add('code', randomToken());
    const expiresAt = this.needs.now() + CODE_LIFETIME_MS;
    this.codes.set(hashOf(code), { stitchAccountId, expiresAt, used: false });
    return code;
  }

  /** @throws RuleBroken `invalid_grant` when the code is unknown, used or five minutes old (S0) */
  takeCode(code: string): Pick<Account, 'stitchAccountId'> {
    const record = this.codes.get(hashOf(code));
    if (!record) throw new RuleBroken('invalid_grant', 'the code is one we issued');
    if (record.used) throw new RuleBroken('invalid_grant', 'a code works once (S0)');
    record.used = true;
    if (this.needs.now() >= record.expiresAt) {
      throw new RuleBroken('invalid_grant', 'a code expires five minutes after creation (S0)');
    }
    return record;
  }

  /** The token's record, unless it is unknown or turned off. */
  live(accessToken: string | undefined): TokenRecord | undefined {
    const record = accessToken === undefined ? undefined : this.tokens.get(hashOf(accessToken));
    return record?.revoked === false ? record : undefined;
  }

  issueEphemeral(): string {
    const token = this.needs.issued.add('ephemeral_token', randomToken());
    this.ephemeral.set(hashOf(token), this.needs.now() + EPHEMERAL_LIFETIME_MS);
    return token;
  }

  isEphemeralLive(token: string): boolean {
    return this.needs.now() < (this.ephemeral.get(hashOf(token)) ?? 0);
  }

  /** What the user does on the account page. False when there is no such token. */
  setRevoked(record: TokenRecord | undefined, revoked: boolean): boolean {
    if (!record) return false;
    record.revoked = revoked;
    this.needs.changed();
    return true;
  }

  save(): SavedAccounts {
    const tokens = [...this.tokens].map(([hash, record]) => ({ ...record, hash }));
    return { accounts: [...this.byEmail.values()], tokens };
  }

  load(saved: SavedAccounts): void {
    for (const account of saved.accounts) this.byEmail.set(account.email.toLowerCase(), account);
    for (const { hash, ...record } of saved.tokens) this.tokens.set(hash, record);
  }
}
