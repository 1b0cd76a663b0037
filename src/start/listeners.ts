import type { AddressInfo } from 'node:net';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Log } from '../common/index.js';
import type { ListenerConfig, ListenersConfig } from '../config/index.js';
import { TlsListener, TlsMaterialError } from '../http/index.js';
import type { ServerOptions } from '../http/index.js';
import type { Metrics } from '../metrics/index.js';
import { StartError } from './start-error.js';

/**
 * Connections at most: enough for a fleet of services and for browsers, and a bound for what those
 * that only hold them open take of the process's memory and descriptors.
 */
const MAX_CONNECTIONS = { internal: 10_000, public: 2000 };
/** Milliseconds for which an idle connection is kept: services come back, browsers do not. */
const KEEP_ALIVE_MS = { internal: 65_000, public: 10_000 };

/** What the servers of both listeners are made with. */
export interface Listeners {
  readonly internal: ServerOptions;
  readonly public: ServerOptions;
  /** Counts from now on what happens to their connections. */
  count(metrics: Metrics): void;
  close(): void;
}

/**
 * Reads what both listeners speak TLS with, if they do.
 *
 * @throws StartError one line for each listener whose files cannot be used
 */
export async function openListeners(config: ListenersConfig, log: Log): Promise<Listeners> {
  const [internal, browsers] = await Promise.allSettled([
    openTls('', config.internal, log),
    openTls('PUBLIC_', config.public, log),
  ]);
  const refusals = [internal, browsers].flatMap((each): unknown[] =>
    each.status === 'rejected' ? [each.reason] : [],
  );
  const unforeseen = refusals.find((reason) => !(reason instanceof TlsMaterialError));
  if (unforeseen !== undefined) throw unforeseen as Error;
  if (internal.status === 'rejected' || browsers.status === 'rejected') {
    throw new StartError(refusals.map((reason) => (reason as Error).message).join('\n'));
  }
  let counted: Metrics | undefined;
  const onDrop = (listener: string) => () => counted?.droppedConnections.inc({ listener });
  const tls = { internal: internal.value, public: browsers.value };
  return {
    internal: {
      tls: tls.internal,
      maxConnections: MAX_CONNECTIONS.internal,
      keepAliveMs: KEEP_ALIVE_MS.internal,
      trustedProxies: [],
      onDrop: onDrop('internal'),
    },
    public: {
      tls: tls.public,
      maxConnections: MAX_CONNECTIONS.public,
      keepAliveMs: KEEP_ALIVE_MS.public,
      trustedProxies: config.public.trustedProxies,
      onDrop: onDrop('public'),
    },
    count: (metrics) => {
      counted = metrics;
      for (const each of Object.values(tls)) each?.count(metrics);
    },
    close: () => {
      for (const each of Object.values(tls)) each?.close();
    },
  };
}

/**
 * Lets an application listen.
 *
 * @param prefix what the variables of this listener begin with
 * @returns the URL of its root
 * @throws StartError when the address can't be had
 */
export async function listen(
  app: NestFastifyApplication,
  prefix: '' | 'PUBLIC_',
  { host, port, tls }: ListenerConfig,
): Promise<string> {
  try {
    await app.listen(port, host);
  } catch (error) {
    throw StartError.ofListener(prefix, error) ?? error;
  }
  const address = app.getHttpServer().address() as AddressInfo;
  const shown = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  return `${tls ? 'https' : 'http'}://${shown}:${address.port}`;
}

const openTls = async (prefix: '' | 'PUBLIC_', { tls }: ListenerConfig, log: Log) =>
  tls && TlsListener.open(tls, prefix, log);
