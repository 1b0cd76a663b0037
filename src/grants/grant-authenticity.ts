import { Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { Log } from '../common/index.js';
import { EncryptionError } from '../encryption/index.js';
import { Metrics } from '../metrics/index.js';
import { grantKeyText } from './grant.js';
import type { Grant } from './grant.js';
import { TokenSealer } from './token-sealer.js';

/** Refused rows of which it is remembered that they were reported. */
const REPORTED = 10_000;

/** A row as it was read, and whether its consent is over. */
export type FoundGrant = Grant & { readonly consentEnded: boolean };

/** What tells the rows that may be served from the others. */
export type GrantSieve = Pick<GrantAuthenticity, 'sift'>;

/** Lets every row through: for operators, who have to see what is there. */
export const EVERY_ROW: GrantSieve = { sift: (rows) => [...rows] };

/** Lets only grants through that are as the vault left them; the others are as if they were not there. */
@Injectable()
export class GrantAuthenticity {
  private readonly reported = new LRUCache<string, true>({ max: REPORTED });

  constructor(
    private readonly sealer: TokenSealer,
    private readonly log: Log,
    private readonly metrics: Metrics,
  ) {}

  /** The rows that may be served; the others are counted, and each is reported once. */
  sift<T extends FoundGrant>(rows: readonly T[]): T[] {
    return rows.filter((row) => {
      const objection = row.consentEnded ? 'consent_ended' : this.isAltered(row) && 'altered';
      if (objection) this.refuse(row, objection);
      return !objection;
    });
  }

  /** Whether it can be read, and its token was sealed for another consent than it shows. */
  private isAltered(grant: Grant): boolean {
    if (grant.status !== 'active') return false;
    try {
      return this.sealer.isOfAnother(grant.accessToken, 'access_token', grant);
    } catch (error) {
      // Whoever opens the token tells why it can't be opened.
      if (error instanceof EncryptionError) return false;
      throw error;
    }
  }

  private refuse(grant: Grant, reason: string): void {
    this.metrics.refusedGrants.inc({ reason });
    const report = `${grantKeyText(grant)}\0${grant.grantId}\0${reason}`;
    if (this.reported.has(report)) return;
    this.reported.set(report, true);
    const { provider, userId, connection, version } = grant;
    const names = { provider, user_id: userId, connection, version };
    this.log.event('error', 'grant.refused', { ...names, reason });
  }
}
