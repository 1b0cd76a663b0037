import { VaultError, invalidRequest } from '../common/index.js';

/** What the vault itself adds. */
const OURS = ['authorization_request', 'status'];

const refuse = (message: string) => invalidRequest({ return_to: [message] });

/**
 * Where a browser may be sent to in the end: an allow-listed origin, or exactly an allow-listed URI
 * of an app's own scheme (RFC 8252 section 7.1). An open redirect would lend our name to anybody.
 *
 * @returns the text as it was given wherever it can go into a header as it is
 * @throws VaultError 400 `invalid_request`
 */
export function checkReturnTo(
  returnTo: string | undefined,
  allowList: readonly string[],
): string | null {
  if (returnTo === undefined) return null;
  if (!URL.canParse(returnTo)) throw refuse('must be a URL of an allow-listed origin');
  const url = new URL(returnTo);
  if (OURS.some((name) => url.searchParams.has(name))) {
    throw refuse('must not have authorization_request or status in its query');
  }
  if (!/^https?:$/.test(url.protocol)) {
    if (allowList.includes(returnTo)) return returnTo;
    throw refuse('must be an allow-listed URI, letter by letter');
  }
  const allowed = !url.username && !url.password && allowList.includes(url.origin);
  if (!allowed) throw refuse('must be a URL of an allow-listed origin');
  const asGiven =
    returnTo.startsWith(`${url.origin}/`) && /^[\x21\x23-\x5b\x5d-\x7e]+$/.test(returnTo);
  return asGiven ? returnTo : url.href;
}

/**
 * Where the browser of a further visit may be sent to: nowhere, if the row now names a place that the
 * vault would not have taken. Somebody who can write to the table could send it anywhere otherwise.
 */
export function stillAllowed(returnTo: string | null, allowList: readonly string[]): string | null {
  try {
    return checkReturnTo(returnTo ?? undefined, allowList);
  } catch (error) {
    if (error instanceof VaultError) return null;
    throw error;
  }
}
