import { createHmac, createSecretKey, timingSafeEqual } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import type { AuditContent, AuditPlace, AuditRow } from './audit-event.js';

/** Bytes of each half of a MAC: 128 bits. */
const TAG_BYTES = 16;
/** Keep the uses of the key apart from each other, and formats to come from this one. */
const CONTENT = 'stitch-token-vault/v1/audit/content\n';
const PLACE = 'stitch-token-vault/v1/audit/place\n';
const HEAD = 'stitch-token-vault/v1/audit/head\n';
const ROW = 'stitch-token-vault/v1/row\n';
/** The format of a row's own MAC. */
const ROW_VERSION = 1;

/** What a content tag is made over: the content and its time, microseconds since the epoch. */
export type DatedContent = Omit<AuditContent, 'type'> & {
  readonly type: string;
  readonly at: string;
};

/**
 * The key of the audit: 32 random bytes. A row's MAC has two halves: one over what the row says, one
 * over that and the row's place. So a row that was moved is told from one that was altered.
 */
export class AuditKey {
  readonly #key: KeyObject;

  constructor(
    readonly id: number,
    key: Buffer,
  ) {
    this.#key = createSecretKey(key);
  }

  /** The tag of what a row says. */
  contentTag(content: DatedContent): Buffer {
    const { at, type, client, provider, userId, connection } = content;
    const { version, count, outcome, requestId, data } = content;
    const names = [at, type, client, provider, userId, connection];
    return this.tag(CONTENT, JSON.stringify([...names, version, count, outcome, requestId, data]));
  }

  /** The tag of a row's place, which only fits together with the tag of its content. */
  placeTag(content: Buffer, { position, chain, sequence, previous }: AuditPlace): Buffer {
    const place = JSON.stringify([this.id, position, chain, sequence, previous]);
    return this.tag(PLACE, `${place}\n${content.toString('hex')}`);
  }

  mac(content: Buffer, place: AuditPlace): Buffer {
    return Buffer.concat([content, this.placeTag(content, place)]);
  }

  /** Says that so many rows were there up to a position: to be kept outside the database. */
  head(through: number, total: number): string {
    return `${String(through)}-${String(total)}-${this.headTag(through, total)}`;
  }

  /** @returns what a head of this key says; undefined for anything else */
  readHead(head: string): { readonly through: number; readonly total: number } | undefined {
    const [, through, total, tag = ''] = /^(\d{1,15})-(\d{1,15})-([0-9a-f]{32})$/.exec(head) ?? [];
    const said = { through: Number(through), total: Number(total) };
    const expected = Buffer.from(this.headTag(said.through, said.total));
    if (tag.length !== expected.length) return undefined;
    return timingSafeEqual(Buffer.from(tag), expected) ? said : undefined;
  }

  /** What vouches for a row of another table: version, key id and the tag over what it says. */
  tagOfRow(table: string, content: readonly (string | null)[]): Buffer {
    const tag = this.tag(ROW, JSON.stringify([table, this.id, content]));
    return Buffer.concat([Buffer.from([ROW_VERSION, this.id]), tag]);
  }

  isTagOfRow(table: string, content: readonly (string | null)[], mac: Buffer | null): boolean {
    const expected = this.tagOfRow(table, content);
    return mac?.length === expected.length && timingSafeEqual(mac, expected);
  }

  private headTag(through: number, total: number): string {
    return this.tag(HEAD, `${String(through)}-${String(total)}`).toString('hex');
  }

  private tag(label: string, text: string): Buffer {
    return createHmac('sha256', this.#key)
      .update(label + text)
      .digest()
      .subarray(0, TAG_BYTES);
  }
}

/** Why a row is not what the vault has written. */
export type Forgery = 'altered' | 'reordered';

/** Whether a row is the one that was written, at this place. @param row one with a place */
export function forgeryOf(row: AuditRow, keys: ReadonlyMap<number, AuditKey>): Forgery | undefined {
  const key = row.key === null ? undefined : keys.get(row.key);
  const halves = row.mac ? halvesOf(row.mac) : undefined;
  const { position, chain, sequence, previous } = row;
  if (!key || !halves || chain === null || sequence === null || previous === null) return 'altered';
  const content = key.contentTag(row);
  if (!timingSafeEqual(content, halves.content)) return 'altered';
  const place = key.placeTag(content, { position, chain, sequence, previous });
  return timingSafeEqual(place, halves.place) ? undefined : 'reordered';
}

/** The newest of some rows that the vault has written. */
export const genuine = (
  rows: readonly AuditRow[],
  keys: ReadonlyMap<number, AuditKey>,
): AuditRow | undefined => rows.find((row) => forgeryOf(row, keys) === undefined);

/** The two halves of a MAC; undefined for what can't be one. */
const halvesOf = (mac: Buffer) =>
  mac.length === 2 * TAG_BYTES
    ? { content: mac.subarray(0, TAG_BYTES), place: mac.subarray(TAG_BYTES) }
    : undefined;
