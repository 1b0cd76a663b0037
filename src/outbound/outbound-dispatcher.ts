import { Agent, Dispatcher } from 'undici';
import type { ProxyConfig, ProxyServer } from '../config/index.js';
import { proxyFor } from './route.js';
import { tunnelThrough } from './tunnel.js';

/** How connections are kept; the options of undici's Agent that are used. */
export interface OutboundOptions {
  /** At most, to one origin. */
  readonly connections: number;
  /** Milliseconds. */
  readonly connectTimeout: number;
  readonly headersTimeout?: number;
  readonly bodyTimeout?: number;
  /** Bytes. */
  readonly maxResponseSize?: number;
}

/** Calls out: directly, or through the proxy that the configuration has for a URL. */
export class OutboundDispatcher extends Dispatcher {
  private readonly direct: Agent;
  private readonly tunnelled: Agent | undefined;
  private readonly forwarded: Agent | undefined;

  constructor(
    private readonly proxies: ProxyConfig,
    options: OutboundOptions,
  ) {
    super();
    const { connectTimeout } = options;
    this.direct = new Agent(options);
    const { https, http } = proxies;
    this.tunnelled =
      https && new Agent({ ...options, connect: tunnelThrough(https, connectTimeout) });
    this.forwarded = http && new Agent(options);
  }

  /** The proxy that stands between us and this URL, if one does. */
  proxyFor(url: string | URL): ProxyServer | undefined {
    return proxyFor(new URL(url), this.proxies);
  }

  override dispatch(
    options: Dispatcher.DispatchOptions,
    handler: Dispatcher.DispatchHandler,
  ): boolean {
    if (!this.tunnelled && !this.forwarded) return this.direct.dispatch(options, handler);
    const origin = new URL(options.origin ?? '');
    const proxy = this.proxyFor(origin);
    if (!proxy) return this.direct.dispatch(options, handler);
    if (origin.protocol === 'https:' && this.tunnelled) {
      return this.tunnelled.dispatch(options, handler);
    }
    return (this.forwarded ?? this.direct).dispatch(forwarding(options, origin, proxy), handler);
  }

  override async close(): Promise<void> {
    await Promise.all(this.agents().map((agent) => agent.close()));
  }

  override async destroy(): Promise<void> {
    await Promise.all(this.agents().map((agent) => agent.destroy()));
  }

  private agents(): Agent[] {
    return [this.direct, this.tunnelled, this.forwarded].filter((agent) => agent !== undefined);
  }
}

/** A request in absolute form (RFC 9112 section 3.2.2): how plain http goes through a proxy. */
function forwarding(
  options: Dispatcher.DispatchOptions,
  origin: URL,
  proxy: ProxyServer,
): Dispatcher.DispatchOptions {
  const host = proxy.host.includes(':') ? `[${proxy.host}]` : proxy.host;
  return {
    ...options,
    origin: `${proxy.secure ? 'https' : 'http'}://${host}:${String(proxy.port)}`,
    path: `${origin.origin}${options.path}`,
    headers: {
      ...(options.headers as Record<string, string> | undefined),
      host: origin.host,
      ...(proxy.authorization ? { 'proxy-authorization': proxy.authorization } : {}),
    },
  };
}
