import type { FastifyContextConfig, FastifyRequest } from 'fastify';
import { forbidden, outsideRestriction, unauthorized } from './errors.js';
import type { VaultError } from './vault-error.js';

/**
 * Who calls: a row of `service_clients`, however the caller proved to be it. What it may do, what it
 * may touch and when it ends are the row's.
 */
export interface Caller {
  /** Tells a client from an earlier one of the same name. */
  readonly id: string;
  readonly name: string;
  readonly scopes: ReadonlySet<string>;
  /** The providers whose grants it may touch; null: all of them. */
  readonly providers: ReadonlySet<string> | null;
  /** What the ids of the users begin with whose grants it may touch; null: all users. */
  readonly userPrefixes: readonly string[] | null;
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Who makes the request; null until that is known, and where the route does not ask. */
    caller: Caller | null;
  }
}

/** The caller of a request to a route that declares a scope. @throws VaultError 401 without one */
export function callerOf({ caller }: Pick<FastifyRequest, 'caller'>): Caller {
  if (!caller) throw unauthorized();
  return caller;
}

/** Whether there are grants that the caller may not touch. */
export const isRestricted = ({ providers, userPrefixes }: Caller): boolean =>
  providers !== null || userPrefixes !== null;

/**
 * Why a caller may not use a route at all, by what the route declares; undefined when it may. A route
 * that declares nothing is refused to everybody, so that forgetting to declare is noticed and harmless.
 */
export function callRefusal(
  caller: Caller | null,
  { scope, checksRestrictions }: Pick<FastifyContextConfig, 'scope' | 'checksRestrictions'>,
): VaultError | undefined {
  if (scope === 'open') return undefined;
  if (!scope || !caller || !(caller.scopes.has(scope) || caller.scopes.has('admin'))) {
    return forbidden(scope ?? 'admin');
  }
  return isRestricted(caller) && !checksRestrictions ? outsideRestriction() : undefined;
}

const mayTouchProvider = ({ providers }: Caller, provider: string): boolean =>
  providers === null || providers.has(provider);

const mayTouchUser = ({ userPrefixes }: Caller, userId: string): boolean =>
  userPrefixes === null || userPrefixes.some((prefix) => userId.startsWith(prefix));

/** Whether the caller may touch the grants of this user at this provider. */
export const mayTouchGrant = (
  caller: Caller,
  grant: { readonly provider: string; readonly userId: string },
): boolean => mayTouchProvider(caller, grant.provider) && mayTouchUser(caller, grant.userId);

/**
 * Refuses what is outside the caller's restriction. To be called before anything is looked up, so
 * that neither the answer nor its time tells whether there is such a grant.
 *
 * @throws VaultError 403 `forbidden`
 */
export function assertMayTouchGrant(
  caller: Caller,
  grant: { readonly provider: string; readonly userId: string },
): void {
  if (!mayTouchGrant(caller, grant)) throw outsideRestriction();
}

/** As {@link assertMayTouchGrant}, for what concerns a user and no provider. @throws VaultError 403 */
export function assertMayTouchUser(caller: Caller, userId: string): void {
  if (!mayTouchUser(caller, userId)) throw outsideRestriction();
}

/** As {@link assertMayTouchGrant}, for what concerns a provider and no user. @throws VaultError 403 */
function assertMayTouchProvider(caller: Caller, provider: string): void {
  if (!mayTouchProvider(caller, provider)) throw outsideRestriction();
}

/**
 * As {@link assertMayTouchGrant}, for what concerns the vault's own standing with a provider and no user. A
 * client that may touch some users only may not act for all of them. @throws VaultError 403
 */
export function assertMayActForVault(caller: Caller, provider: string): void {
  if (caller.userPrefixes !== null) throw outsideRestriction();
  assertMayTouchProvider(caller, provider);
}

/** As {@link assertMayTouchGrant}, for what concerns a user at every provider. @throws VaultError 403 */
export function assertMayTouchEveryProvider(caller: Caller, userId: string): void {
  if (caller.providers !== null) throw outsideRestriction();
  assertMayTouchUser(caller, userId);
}
