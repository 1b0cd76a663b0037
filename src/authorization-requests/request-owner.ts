import { isRestricted, mayTouchGrant, notFound, outsideRestriction } from '../common/index.js';
import type { Caller, VaultError } from '../common/index.js';

/** What decides who may see and confirm a request. */
export interface OwnedRequest {
  /** The client that made it; null: made by a version that did not note it. */
  readonly clientId: string | null;
  readonly provider: string;
  readonly userId: string;
}

/**
 * A request belongs to the client that made it, and to `admin`. One that is not the caller's is
 * answered like one that does not exist: to a restricted client, whose ids may be guesses, by 403.
 *
 * @throws VaultError 404 `not_found`, or 403 `forbidden` to a restricted client
 */
export function ownRequest<T extends OwnedRequest>(caller: Caller, request: T | undefined): T {
  if (!request || !isOwn(caller, request)) throw unknownTo(caller);
  return request;
}

function isOwn(caller: Caller, request: OwnedRequest): boolean {
  if (caller.scopes.has('admin')) return true;
  const made = request.clientId === null || request.clientId === caller.id;
  return made && mayTouchGrant(caller, request);
}

const unknownTo = (caller: Caller): VaultError =>
  isRestricted(caller) ? outsideRestriction() : notFound('There is no such authorization request.');
