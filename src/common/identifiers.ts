import { applyDecorators } from '@nestjs/common';
import type { PipeTransform } from '@nestjs/common';
import { IsString, Matches } from 'class-validator';
import { invalidRequest } from './errors.js';

/**
 * 1–255 visible characters: no control, format, private-use or unassigned code points, no white
 * space, no lone surrogates. Counted in code points. Never with one of the vault's own API keys in
 * it: user ids are shown in the audit and in lists, where a key that was put into the wrong place would leak.
 */
export const USER_ID = /^(?!.*stv_[A-Za-z0-9_-]{43})[^\p{C}\p{Z}]{1,255}$/u;
/** What a path can name: clients resolve the segments `.` and `..` away (RFC 3986 section 5.2.4). */
export const ADDRESSABLE = /^(?!\.{1,2}$)/;
/** 1–64 of the unreserved characters of RFC 3986 except the tilde. */
export const CONNECTION = /^[A-Za-z0-9._-]{1,64}$/;
/** A provider's name, as it stands in paths. */
export const PROVIDER = /^[a-z0-9-]{1,64}$/;

const USER_ID_RULE = 'must be 1 to 255 visible characters, and no API key';
const ADDRESSABLE_RULE = 'must not be "." or "..", which no path can name';

/** A user id in a request's body or query: one that a path can name, too. */
export const IsUserId = () =>
  applyDecorators(
    IsString({ message: '$property must be a string' }),
    Matches(ADDRESSABLE, { message: `$property ${ADDRESSABLE_RULE}` }),
    Matches(USER_ID, { message: `$property ${USER_ID_RULE}` }),
  );

/**
 * A user id that is a parameter of the path: `@Param('user_id', UserIdPipe)`. The rule of
 * {@link IsUserId} without an object around it, which would be most of what checking it costs.
 */
export class UserIdPipe implements PipeTransform<string, string> {
  transform(value: string): string {
    if (USER_ID.test(value)) return value;
    throw invalidRequest({ user_id: [`user_id ${USER_ID_RULE}`] });
  }
}

/** A provider's name that is a parameter of the path: `@Param('provider', ProviderPipe)`. */
export class ProviderPipe implements PipeTransform<string, string> {
  transform(value: string): string {
    if (PROVIDER.test(value)) return value;
    throw invalidRequest({ provider: ['provider must name a provider'] });
  }
}

export const IsConnection = () =>
  applyDecorators(
    IsString({ message: '$property must be a string' }),
    Matches(CONNECTION, { message: '$property must be 1 to 64 characters of A-Z a-z 0-9 . _ -' }),
  );

/** A short text of a person, such as a name or an address: 1–255 characters, none of control. */
export const IsFormText = () =>
  applyDecorators(
    IsString({ message: '$property must be a string' }),
    Matches(/^[^\p{C}]{1,255}$/u, { message: '$property must be 1 to 255 printable characters' }),
  );

export const IsProvider = () =>
  applyDecorators(
    IsString({ message: '$property must be a string' }),
    Matches(PROVIDER, { message: '$property must name a provider' }),
  );

/** The provider that is meant when a request names none. */
export const DEFAULT_PROVIDER = 'stitch-money';
/** The connection that is meant when a request names none. */
export const DEFAULT_CONNECTION = 'default';
