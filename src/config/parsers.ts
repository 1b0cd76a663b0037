import { acceptIf } from './environment-reader.js';

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

/** Whether a URL's host is this machine: the only place where plain http is allowed. */
export const isLoopback = (url: Pick<URL, 'hostname'>): boolean => LOOPBACK.test(url.hostname);

const HTTPS_URL = 'an https URL (http only on a loopback host)';
/** What {@link parseServiceUrl} expects. */
export const SERVICE_URL = `${HTTPS_URL} without credentials, query and fragment`;
/** What {@link parseEndpointUrl} expects. */
export const ENDPOINT_URL = `${HTTPS_URL} without credentials and fragment`;

/** A URL that others are made from, by adding to its path. */
export function parseServiceUrl(text: string): string {
  acceptIf(text, !text.includes('?'));
  return parseEndpointUrl(text).replace(/\/+$/, '');
}

/** A URL that is called as it is; its query is part of it (RFC 6749 sections 3.1 and 3.2). */
export function parseEndpointUrl(text: string): string {
  const url = new URL(text);
  const secure = url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url));
  return acceptIf(text, secure && !url.username && !url.password && !text.includes('#'));
}

/** Whether {@link parseEndpointUrl} takes it. */
export function isServiceUrl(text: string): boolean {
  try {
    parseEndpointUrl(text);
    return true;
  } catch {
    return false;
  }
}

/**
 * Whether the text is exactly an http(s) origin: scheme, host and port, nothing else. A star would
 * be a host name to the URL parser, and a pattern to whoever wrote it.
 */
export function isOrigin(text: string): boolean {
  if (!/^https?:[^*]+$/.test(text) || !URL.canParse(text)) return false;
  return new URL(text).origin === text;
}

/**
 * Schemes that are no app's own: what browsers and systems understand themselves. A redirect to
 * some of them would run a script, or an app of somebody else's choice.
 */
const COMMON_SCHEMES =
  /^(https?|wss?|ftp|file|data|blob|about|javascript|vbscript|mailto|tel|sms|intent|view-source|filesystem|chrome|ms-appx)$/;

/**
 * Whether the text is a URI of a private-use scheme (RFC 8252 section 7.1), such as
 * `com.example.app:/linked`, to which a query can be added.
 */
export function isAppUri(text: string): boolean {
  const [, scheme = ''] =
    /^([a-z][a-z0-9+.-]+):\/[\x21\x23-\x2b\x2d-\x3b\x3d\x3f-\x5b\x5d-\x7e]*$/.exec(text) ?? [];
  if (scheme === '' || COMMON_SCHEMES.test(scheme) || !URL.canParse(text)) return false;
  const { searchParams, hash, username, password } = new URL(text);
  const ours = ['authorization_request', 'status'].some((name) => searchParams.has(name));
  return !ours && !hash && !username && !password;
}

/** OAuth scope tokens (RFC 6749 section 3.3), separated by white space. */
export function parseScopes(text: string): string[] {
  const scopes = text.split(/\s+/).filter(Boolean);
  return acceptIf(scopes, scopes.length > 0 && scopes.every((scope) => isScopeToken(scope)));
}

/** One scope token of RFC 6749 section 3.3, of a sensible length. */
export const isScopeToken = (text: string): boolean =>
  /^[\x21\x23-\x5b\x5d-\x7e]{1,200}$/.test(text);

/** One key of the keyring. */
export interface KeyringEntry {
  readonly id: string;
  readonly key: Buffer;
}

/** `id:base64(32 bytes)`, comma-separated; the first encrypts. */
export function parseKeyring(text: string): KeyringEntry[] {
  const entries = text.split(',').map((item) => {
    const [, id = '', encoded = ''] =
      /^([A-Za-z0-9._-]{1,64}):([A-Za-z0-9+/_-]{43}=?)$/.exec(item.trim()) ?? [];
    const key = Buffer.from(encoded, 'base64');
    return { id: acceptIf(id, id !== ''), key: acceptIf(key, key.length === 32) };
  });
  return acceptIf(entries, new Set(entries.map(({ id }) => id)).size === entries.length);
}

export const TIME = 'a time in UTC such as 2030-01-31T00:00:00Z (RFC 3339)';

/** @returns milliseconds since the epoch, or undefined for what is no time in UTC */
export function parseTime(text: string): number | undefined {
  const wellFormed = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?Z$/.test(text);
  const time = wellFormed ? Date.parse(text) : NaN;
  return Number.isNaN(time) ? undefined : time;
}
