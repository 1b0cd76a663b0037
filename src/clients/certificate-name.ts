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

export const uriName = (uri: string): string => `URI:${uri}`;
export const dnsName = (name: string): string => `DNS:${name.toLowerCase()}`;
