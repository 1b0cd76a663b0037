import { randomUUID } from 'node:crypto';
import { RuleBroken } from '../common/form.js';
import { hashOf, randomToken } from '../common/secrets.js';
import type { IssuedSecrets } from '../common/secrets.js';
import type { AccessRecord, Family, IssuedTokens, RefreshRecord } from './grant-records.js';
import type { SavedGrants } from './saved-grants.js';
import type { StitchMoneyStats } from './stats.js';
import type { StitchMoneySwitches } from './switches.js';

/** Idle refresh tokens die after 365 days (P). */
const IDLE_LIFETIME_MS = 365 * 24 * 3600 * 1000;

interface Needs {
  readonly switches: StitchMoneySwitches;
  readonly stats: StitchMoneyStats;
  readonly issued: IssuedSecrets;
  readonly now: () => number;
  readonly changed: () => void;
}

/** Grants and their tokens. Tokens are kept by hash; nothing here can be presented again. */
export class Grants {
  readonly access = new Map<string, AccessRecord>();
  readonly refreshes = new Map<string, RefreshRecord>();

  constructor(private readonly needs: Needs) {}

  /** The first tokens of a consent. */
  start(consent: Omit<Family, 'id' | 'sid' | 'revoked'>): IssuedTokens {
    const family = { ...consent, id: randomUUID(), sid: randomToken(), revoked: false };
    return this.issue(family, family.scope.includes('offline_access'));
  }

  /**
   * Uses a refresh token: once, and the answer carries its successor (S3).
   *
   * @param rotate false leaves the token as it is and issues an access token only
   * @throws RuleBroken `invalid_grant`: unknown, revoked, idle for a year, or used already; the
   *   last one is a reuse event and, with `revokeOnReuse`, ends the grant (RFC 9700 section 4.14.2)
   */
  refresh(token: string, rotate = true): IssuedTokens {
    const { switches, stats, now } = this.needs;
    const record = this.refreshes.get(hashOf(token));
    if (!record) throw new RuleBroken('invalid_grant', 'the refresh token is one we issued');
    if (record.family.revoked) throw new RuleBroken('invalid_grant', 'the grant is not revoked');
    if (now() - record.lastUsedOrIssuedAt > IDLE_LIFETIME_MS) {
      throw new RuleBroken('invalid_grant', 'a refresh token idle for 365 days is dead');
    }
    if (record.usedAt !== null) {
      if (now() - record.usedAt >= switches.graceSeconds * 1000) {
        stats.reuseEvents += 1;
        if (switches.revokeOnReuse) this.revoke(record.family);
        throw new RuleBroken('invalid_grant', 'a refresh token works once');
      }
      stats.graceAnswers += 1;
    }
    record.lastUsedOrIssuedAt = now();
    if (!rotate) return this.issue(record.family, false);
    record.usedAt ??= now();
    stats.rotations += 1;
    return this.issue(record.family, true);
  }

  /** Ends a grant: all of its refresh and access tokens (RFC 7009 section 2.1). */
  revoke(family: Family): void {
    if (family.revoked) return;
    family.revoked = true;
    this.needs.stats.familiesRevoked += 1;
    this.needs.changed();
  }

  /** RFC 7009: a refresh token takes its grant with it, an access token goes alone. */
  revokeToken(token: string): void {
    const hash = hashOf(token);
    const refresh = this.refreshes.get(hash);
    if (refresh) this.revoke(refresh.family);
    else if (this.access.delete(hash)) this.needs.changed();
  }

  /** The grant an access token stands for, while it is good. */
  familyOf(accessToken: string): Family | undefined {
    const record = this.access.get(hashOf(accessToken));
    return record && this.isLive(record) ? record.family : undefined;
  }

  /** The grant any token belongs to, good or not. */
  ownerOf(token: string): Family | undefined {
    const hash = hashOf(token);
    return this.access.get(hash)?.family ?? this.refreshes.get(hash)?.family;
  }

  countLive(): number {
    let live = 0;
    for (const record of this.access.values()) if (this.isLive(record)) live += 1;
    return live;
  }

  load(saved: SavedGrants): void {
    const families = new Map(saved.families.map((family) => [family.id, { ...family }]));
    for (const { hash, family: id, ...rest } of saved.refreshes) {
      const family = families.get(id);
      if (family) this.refreshes.set(hash, { ...rest, family });
    }
    for (const { hash, family: id, ...rest } of saved.access) {
      const family = families.get(id);
      if (family) this.access.set(hash, { ...rest, family });
    }
  }

  private isLive(record: AccessRecord): boolean {
    return !record.family.revoked && this.needs.now() < record.expiresAt;
  }

  private issue(family: Family, withRefresh: boolean): IssuedTokens {
    const { switches, issued, now, changed } = this.needs;
    const expiresIn = switches.tokenLifetime;
    const accessToken = issued.add('access_token', randomToken());
    this.forgetExpired();
    this.access.set(hashOf(accessToken), { family, expiresAt: now() + expiresIn * 1000 });
    changed();
    if (!withRefresh) return { family, accessToken, expiresIn };
    const refreshToken = issued.add('refresh_token', randomToken());
    this.refreshes.set(hashOf(refreshToken), { family, usedAt: null, lastUsedOrIssuedAt: now() });
    return { family, accessToken, refreshToken, expiresIn };
  }

  /** Expired tokens at the front of the map go; an expired token is as good as an unknown one. */
  private forgetExpired(): void {
    for (const [hash, record] of this.access) {
      if (this.isLive(record)) return;
      this.access.delete(hash);
    }
  }
}
