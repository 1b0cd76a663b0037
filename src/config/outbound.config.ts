import { acceptIf } from './environment-reader.js';
import type { EnvironmentReader } from './environment-reader.js';
import { defineNamespace } from './namespace.js';

/** A forward proxy: what it takes to reach it, and who we are to it. */
export interface ProxyServer {
  /** TLS to the proxy itself. */
  readonly secure: boolean;
  readonly host: string;
  readonly port: number;
  /** The value of `Proxy-Authorization`. A secret. */
  readonly authorization: string | undefined;
}

/** Which way calls go out. */
export interface ProxyConfig {
  /** For https URLs. */
  readonly https: ProxyServer | undefined;
  /** For http URLs. */
  readonly http: ProxyServer | undefined;
  /** Names, domains and networks that are reached directly, as they were given. */
  readonly exempt: readonly string[];
}

const EXPECTED = 'http://host:port or https://host:port, with user:password@ before it if need be';
/** What curl takes where a proxy's URL names no port. */
const DEFAULT_PORTS: Readonly<Record<string, number>> = { 'http:': 1080, 'https:': 443 };

export const outboundConfig = defineNamespace('outbound', readProxy);

/** The proxy variables, as curl understands them: of two spellings the lower-case one wins. */
function readProxy(reader: EnvironmentReader): ProxyConfig {
  const server = (name: string) =>
    reader.parse<ProxyServer | undefined>(spelling(reader, name), EXPECTED, undefined, parseProxy);
  return {
    https: server('HTTPS_PROXY'),
    http: server('HTTP_PROXY'),
    exempt: (reader.text(spelling(reader, 'NO_PROXY')) ?? '').split(/[,\s]+/).filter(Boolean),
  };
}

const spelling = (reader: EnvironmentReader, name: string): string =>
  reader.has(name.toLowerCase()) ? name.toLowerCase() : name;

function parseProxy(text: string): ProxyServer {
  // Without a scheme it is http, as curl has it.
  const url = new URL(/^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`);
  const fallback = DEFAULT_PORTS[url.protocol];
  acceptIf(url, fallback !== undefined && url.hostname !== '' && !url.search && !url.hash);
  const { username, password } = url;
  const user = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return {
    secure: url.protocol === 'https:',
    host: url.hostname.replace(/^\[|\]$/g, ''),
    // The URL parser drops the port that its scheme has by default.
    port: url.port ? Number(url.port) : /:80\/*$/.test(text) ? 80 : (fallback ?? 0),
    authorization:
      username || password ? `Basic ${Buffer.from(user).toString('base64')}` : undefined,
  };
}
