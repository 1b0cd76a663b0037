import { isIP } from 'node:net';
import { acceptIf } from './environment-reader.js';
import type { EnvironmentReader } from './environment-reader.js';
import { defineNamespace } from './namespace.js';
import { isLoopback } from './parsers.js';

/** Where a listener's certificate, its key and the CA of client certificates are. */
export interface TlsConfig {
  readonly certFile: string;
  readonly keyFile: string;
  /** Undefined: client certificates say nothing. */
  readonly clientCaFile: string | undefined;
}

/** One of the two listeners. */
export interface ListenerConfig {
  readonly host: string;
  readonly port: number;
  /** Undefined: plain HTTP. */
  readonly tls: TlsConfig | undefined;
}

/** The listener for browsers. */
export interface PublicListenerConfig extends ListenerConfig {
  /** How browsers reach it; without a slash at its end. */
  readonly url: string;
  /** For each address; 0: no ceiling. */
  readonly requestsPerSecond: number;
  /** CIDRs of the proxies whose `X-Forwarded-For` is believed. */
  readonly trustedProxies: readonly string[];
}

/** Where the vault listens. */
export interface ListenersConfig {
  readonly internal: ListenerConfig;
  readonly public: PublicListenerConfig;
}

export const listenersConfig = defineNamespace('listeners', (reader): ListenersConfig => {
  const publicPort = reader.integer('PUBLIC_PORT', 3001, 0, 65535);
  return {
    internal: {
      host: reader.text('HOST') ?? '127.0.0.1',
      port: reader.integer('PORT', 3000, 0, 65535),
      tls: readTls(reader, ''),
    },
    public: {
      host: reader.text('PUBLIC_HOST') ?? '127.0.0.1',
      port: publicPort,
      url: readPublicUrl(reader, publicPort),
      tls: readTls(reader, 'PUBLIC_'),
      requestsPerSecond: reader.integer('PUBLIC_REQUESTS_PER_SECOND', 20, 0, 100_000),
      trustedProxies: reader.list(
        'TRUSTED_PROXIES',
        'addresses or CIDRs such as 10.0.0.0/8, comma-separated',
        isAddressRange,
      ),
    },
  };
});

/** @param prefix what the variables of the listener begin with. @returns undefined: plain HTTP */
function readTls(reader: EnvironmentReader, prefix: '' | 'PUBLIC_'): TlsConfig | undefined {
  const names = [`${prefix}TLS_CERT_FILE`, `${prefix}TLS_KEY_FILE`] as const;
  const [certFile, keyFile] = reader.pair(...names);
  // Browsers are no callers of ours.
  const clientCaFile = prefix === '' ? reader.text('TLS_CLIENT_CA_FILE') : undefined;
  if (clientCaFile !== undefined && !certFile && !keyFile) {
    reader.refuse('TLS_CERT_FILE', 'to be set, as TLS_CLIENT_CA_FILE is');
  }
  return certFile && keyFile ? { certFile, keyFile, clientCaFile } : undefined;
}

function readPublicUrl(reader: EnvironmentReader, port: number): string {
  const { production } = reader;
  const before = reader.problemCount;
  const expected = production
    ? 'the https URL at which browsers reach the public listener'
    : 'the URL at which browsers reach the public listener';
  const url = reader.parse('PUBLIC_URL', expected, '', (text) => {
    const parsed = new URL(text);
    const plain = parsed.protocol === 'http:' && (!production || isLoopback(parsed));
    acceptIf(parsed, parsed.protocol === 'https:' || plain);
    return acceptIf(text, !parsed.search && !parsed.hash && !parsed.username).replace(/\/+$/, '');
  });
  if (url || reader.problemCount > before) return url;
  if (production) reader.refuse('PUBLIC_URL', expected);
  return `http://127.0.0.1:${port}`;
}

/** An IP address, or a range of them in the notation of RFC 4632. */
function isAddressRange(text: string): boolean {
  const [, address = '', bits] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const family = isIP(address);
  // Everybody is no proxy: a range of all addresses would let anybody be anybody.
  return family !== 0 && (bits === undefined || (+bits > 0 && +bits <= (family === 4 ? 32 : 128)));
}
