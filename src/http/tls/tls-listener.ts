import { constants } from 'node:crypto';
import { createServer } from 'node:https';
import type { Server, ServerOptions } from 'node:https';
import type { RequestListener } from 'node:http';
import type { Log } from '../../common/index.js';
import type { Metrics } from '../../metrics/index.js';
import {
  MIN_VERSION,
  TlsMaterialError,
  checkMaterial,
  isSameMaterial,
  readMaterial,
} from './tls-material.js';
import type { TlsMaterial, TlsPaths } from './tls-material.js';

/** Milliseconds between two looks at the files: several within the ten seconds that are promised. */
const LOOK_MS = 2000;
/** Milliseconds for a handshake to come to its end. */
const HANDSHAKE_MS = 10_000;

/**
 * TLS for the servers of one listener, from files that may change while it runs. They are looked at
 * by reading them: mounted secrets are changed by moving links, of which file watches hear nothing.
 * What can't be used is reported, once for each state of the files, and what was used before stays.
 */
export class TlsListener {
  private readonly servers = new Set<Server>();
  private refused: TlsMaterial | undefined;
  private timer: NodeJS.Timeout | undefined;
  private metrics: Metrics | undefined;
  private failure: string | undefined;

  private constructor(
    private readonly paths: TlsPaths,
    private readonly prefix: string,
    private readonly log: Log,
    private material: TlsMaterial,
    private until: number,
  ) {}

  /**
   * @param prefix what the variables of the listener begin with
   * @throws TlsMaterialError
   */
  static async open(paths: TlsPaths, prefix: '' | 'PUBLIC_', log: Log): Promise<TlsListener> {
    const material = await readMaterial(paths, prefix);
    return new TlsListener(paths, prefix, log, material, checkMaterial(material, prefix));
  }

  /** Says from now on until when the certificate is good, and whether it could be renewed. */
  count(metrics: Metrics): void {
    this.metrics = metrics;
    metrics.tlsUntil.set({ listener: this.name }, this.until / 1000);
    metrics.tlsBroken.set({ listener: this.name }, 0);
  }

  /** A server that goes along with every change of the files until {@link close}. */
  createServer(options: ServerOptions, handler: RequestListener): Server {
    const server = createServer(
      {
        ...options,
        ...this.context(),
        handshakeTimeout: HANDSHAKE_MS,
        // Asked for, not required: keys and /health work without one. Who it is of is decided
        // where callers are, by whether the handshake found it signed by the CA.
        requestCert: this.material.ca !== undefined,
        rejectUnauthorized: false,
      },
      handler,
    );
    this.servers.add(server);
    server.once('close', () => this.servers.delete(server));
    this.timer ??= setInterval(() => void this.look(), LOOK_MS).unref();
    return server;
  }

  close(): void {
    clearInterval(this.timer);
  }

  /** Takes over what has changed in the files, if it can be used. */
  private async look(): Promise<void> {
    try {
      const material = await readMaterial(this.paths, this.prefix);
      if (isSameMaterial(material, this.material)) {
        this.noteFailure(undefined);
        return;
      }
      if (this.refused && isSameMaterial(material, this.refused)) return;
      this.refused = material;
      const until = checkMaterial(material, this.prefix);
      this.material = material;
      this.refused = undefined;
      for (const server of this.servers) server.setSecureContext(this.context());
      this.until = until;
      this.noteFailure(undefined);
      this.log.event('info', 'tls.renewed', {
        listener: this.name,
        until: new Date(until).toISOString(),
      });
    } catch (error) {
      if (error instanceof TlsMaterialError) this.noteFailure(error);
      else this.log.failure('tls.failed', error, { listener: this.name });
    }
  }

  private noteFailure(error: TlsMaterialError | undefined): void {
    this.metrics?.tlsUntil.set({ listener: this.name }, this.until / 1000);
    this.metrics?.tlsBroken.set({ listener: this.name }, error ? 1 : 0);
    if (error && error.message !== this.failure) {
      this.log.event('error', 'tls.not_renewed', {
        listener: this.name,
        variable: error.variable,
        expected: error.expected,
      });
    }
    this.failure = error?.message;
  }

  private get name(): string {
    return this.prefix === '' ? 'internal' : 'public';
  }

  private context() {
    const { cert, key, ca } = this.material;
    return {
      cert,
      key,
      ...(ca && { ca }),
      minVersion: MIN_VERSION,
      // Who the caller is is found out once for a connection.
      secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
    } as const;
  }
}
