import { createHash } from 'node:crypto';
import {
  ADDRESSABLE,
  CONNECTION,
  DEFAULT_CONNECTION,
  DEFAULT_PROVIDER,
  PROVIDER,
  USER_ID,
  redact,
} from '../../common/index.js';
import { isScopeToken } from '../../config/index.js';
import type { GrantKey } from '../../grants/index.js';
import { parseTime } from './rfc3339.js';

/** A grant as a line of the file tells it; times in milliseconds since the epoch. */
export interface LineGrant extends GrantKey {
  /** Derived from the line: the same line is the same grant, however often it is imported. */
  readonly grantId: string;
  /** Null: only the refresh token is known. */
  readonly accessToken: string | null;
  readonly refreshToken: string | null;
  readonly scopes: readonly string[];
  readonly accountId: number | null;
  readonly obtainedAt: number;
  /** Null: never. */
  readonly expiresAt: number | null;
}

/** Why a line was not taken. Never holds a value of the line. */
export class LineError extends Error {
  constructor(
    /** The name of the field; null for the line as a whole. */
    readonly field: string | null,
    readonly reason: string,
  ) {
    super(reason);
    this.name = 'LineError';
  }
}

const FIELDS = [
  'provider',
  'user_id',
  'connection',
  'access_token',
  'refresh_token',
  'expires_at',
  'expires_in',
  'scope',
  'obtained_at',
  'stitch_account_id',
] as const;
type Field = (typeof FIELDS)[number];

/** Refuses what is not UTF-8 instead of replacing it. */
const UTF8 = new TextDecoder('utf-8', { fatal: true });
/** RFC 6749 appendix A.12 and A.17, of a sensible length. */
const TOKEN = /^[\x20-\x7e]{1,16384}$/;
/** Milliseconds by which the clock of the other store may be ahead. */
const CLOCK_SKEW_MS = 300_000;
/** Milliseconds by which a token counts as expired of which nothing is known: not served, renewed. */
const EXPIRED_BY_MS = 1000;

/**
 * Reads one line of an import file.
 *
 * @param now milliseconds since the epoch, database clock
 * @throws LineError
 */
export function parseLine(bytes: Buffer, now: number): LineGrant {
  const fields = parseObject(bytes);
  const text = (field: Field, pattern: RegExp, reason: string) => {
    const value = fields[field];
    if (value === undefined || value === null) return null;
    if (typeof value !== 'string' || !pattern.test(value)) throw new LineError(field, reason);
    return value;
  };
  const token = (field: Field) =>
    text(field, TOKEN, 'must be 1 to 16384 visible ASCII characters or spaces');
  const time = (field: Field) => {
    const value = fields[field];
    if (value === undefined || value === null) return null;
    const parsed = typeof value === 'string' ? parseTime(value) : undefined;
    if (parsed === undefined) throw new LineError(field, 'must be a time as in RFC 3339');
    return parsed;
  };
  const integer = (field: Field, minimum: number, maximum: number) => {
    const value = fields[field];
    if (value === undefined || value === null) return null;
    const fits = Number.isInteger(value) && Number(value) >= minimum && Number(value) <= maximum;
    if (!fits) throw new LineError(field, `must be a whole number, ${minimum} or more`);
    return Number(value);
  };

  const provider = text('provider', PROVIDER, 'must name a provider') ?? DEFAULT_PROVIDER;
  const userId = text('user_id', USER_ID, 'must be 1 to 255 visible characters');
  if (userId === null) throw new LineError('user_id', 'is missing');
  if (!ADDRESSABLE.test(userId)) throw new LineError('user_id', 'must not be "." or ".."');
  const connection =
    text('connection', CONNECTION, 'must be 1 to 64 characters of A-Z a-z 0-9 . _ -') ??
    DEFAULT_CONNECTION;
  const accessToken = token('access_token');
  const refreshToken = token('refresh_token');
  if (accessToken === null && refreshToken === null) {
    throw new LineError('access_token', 'is missing, and so is refresh_token');
  }
  const scope = text('scope', /^[\x20-\x7e]{0,10000}$/, 'must be scopes separated by spaces') ?? '';
  const scopes = scope.split(' ').filter(Boolean);
  if (!scopes.every(isScopeToken)) throw new LineError('scope', 'must be scopes as in RFC 6749');
  const accountId = integer('stitch_account_id', 1, Number.MAX_SAFE_INTEGER);
  const obtained = time('obtained_at');
  if (obtained !== null && obtained > now + CLOCK_SKEW_MS) {
    throw new LineError('obtained_at', 'must not be in the future');
  }
  const expiresIn = integer('expires_in', 0, 1_000_000_000);
  const stated =
    time('expires_at') ?? (expiresIn === null ? null : (obtained ?? now) + expiresIn * 1000);
  // A token that can be renewed and of which no end is known is renewed before anybody gets it.
  const unknown = accessToken === null || (stated === null && refreshToken !== null);
  const expiresAt = unknown ? now - EXPIRED_BY_MS : stated;
  if (refreshToken === null && expiresAt !== null && expiresAt <= now) {
    throw new LineError('expires_at', 'has passed, and there is no refresh_token');
  }
  return {
    provider,
    userId,
    connection,
    grantId: idOf(bytes),
    accessToken,
    refreshToken,
    scopes,
    accountId,
    obtainedAt: Math.min(obtained ?? now, expiresAt ?? Infinity),
    expiresAt,
  };
}

function parseObject(bytes: Buffer): Partial<Record<Field, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(UTF8.decode(bytes));
  } catch {
    // What the parser says would quote the line.
    throw new LineError(null, 'is not JSON in UTF-8');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new LineError(null, 'is not a JSON object');
  }
  // A misspelt refresh_token would be a grant that dies within minutes.
  const strange = Object.keys(value).find((name) => !FIELDS.some((field) => field === name));
  if (strange !== undefined) {
    const readable = /^[A-Za-z_]{1,40}$/.test(strange) && redact(strange) === strange;
    throw new LineError(readable ? strange : null, 'has a field that is not known');
  }
  return value;
}

/** A UUID (RFC 9562 version 8) of the line's SHA-256. */
function idOf(bytes: Buffer): string {
  const id = createHash('sha256').update(bytes).digest().subarray(0, 16);
  id.writeUInt8((id.readUInt8(6) & 0x0f) | 0x80, 6);
  id.writeUInt8((id.readUInt8(8) & 0x3f) | 0x80, 8);
  return id.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}
