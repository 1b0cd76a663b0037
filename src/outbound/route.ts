import { BlockList, isIP } from 'node:net';
import type { ProxyConfig, ProxyServer } from '../config/index.js';

/**
 * The proxy through which a URL is reached, by curl's rules: `*` alone exempts everything, a name
 * exempts itself and all below it (with or without a leading dot), an address or a network in CIDR
 * notation exempts what it holds. Loopback is not exempt by itself.
 *
 * @returns undefined when the URL is reached directly
 */
export function proxyFor(url: URL, config: ProxyConfig): ProxyServer | undefined {
  const proxy = url.protocol === 'https:' ? config.https : config.http;
  return proxy && !isExempt(url.hostname, config.exempt) ? proxy : undefined;
}

function isExempt(hostname: string, exempt: readonly string[]): boolean {
  if (exempt.length === 1 && exempt[0] === '*') return true;
  const host = hostname
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '')
    .toLowerCase();
  return exempt.some((entry) =>
    isIP(host) ? holdsAddress(entry, host) : holdsName(entry.toLowerCase(), host),
  );
}

function holdsName(entry: string, host: string): boolean {
  const domain = entry.replace(/^\./, '').replace(/\.$/, '');
  return domain !== '' && (host === domain || host.endsWith(`.${domain}`));
}

function holdsAddress(entry: string, host: string): boolean {
  const [network = '', bits] = entry.replace(/^\[|\]$/g, '').split('/');
  const version = isIP(network);
  if (version === 0 || version !== isIP(host)) return false;
  const family = version === 4 ? 'ipv4' : 'ipv6';
  const longest = version === 4 ? 32 : 128;
  const prefix = bits === undefined ? longest : /^\d{1,3}$/.test(bits) ? Number(bits) : longest + 1;
  if (prefix > longest) return false;
  const list = new BlockList();
  list.addSubnet(network, prefix, family);
  return list.check(host, family);
}
