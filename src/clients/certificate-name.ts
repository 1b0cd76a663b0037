const URI = /^[a-z][a-z0-9+.-]*:[\x21-\x7e]{1,2000}$/i;
const DNS = /^(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*$/i;

/** Whether a certificate can be known by this text: a URI, or a DNS name without wildcards. */
export const isCertificateName = (text: string): boolean => DNS.test(text) || URI.test(text);

/**
 * A name by which a certificate is known, with its kind in front: `URI:spiffe://…` or `DNS:…`. The
 * kind decides as well, so that a DNS name can't be taken for a URI. A URI is compared letter by
 * letter (RFC 3986 section 6.2.1), a DNS name without regard to case (RFC 4343).
 */
export const certificateName = (text: string): string =>
  DNS.test(text) ? dnsName(text) : uriName(text);

const uriName = (uri: string): string => `URI:${uri}`;
const dnsName = (name: string): string => `DNS:${name.toLowerCase()}`;

/**
 * One name as Node writes it: its kind, a colon, and the value; in quotes, as a JSON string, where
 * the value could be taken for something else (Node's documentation of `x509.subjectAltName`).
 */
const WRITTEN = /([A-Za-z][A-Za-z0-9 ]*):("(?:[^"\\\n]|\\.)*"|[^",\\\n]*)(, |$)/y;

/**
 * The URIs and DNS names of a certificate, from Node's text of its subject alternative names. A text
 * that is not read to its end letter by letter names nobody: what CVE-2021-44532 was about is a value
 * that looks like another name when the text is split at its commas.
 */
export function certificateNames(subjectAltName: string | undefined): string[] {
  const names: string[] = [];
  let at = 0;
  while (subjectAltName !== undefined && at < subjectAltName.length) {
    WRITTEN.lastIndex = at;
    const [written, kind, value = '', end] = WRITTEN.exec(subjectAltName) ?? [];
    if (written === undefined) return [];
    at += written.length;
    // A comma at the end promises another name.
    if (end === ', ' && at === subjectAltName.length) return [];
    const text = plain(value);
    if (text === undefined) return [];
    if (kind === 'URI' && URI.test(text)) names.push(uriName(text));
    if (kind === 'DNS' && DNS.test(text)) names.push(dnsName(text));
  }
  return names;
}

function plain(value: string): string | undefined {
  if (!value.startsWith('"')) return value;
  try {
    const text: unknown = JSON.parse(value);
    return typeof text === 'string' ? text : undefined;
  } catch {
    return undefined;
  }
}
