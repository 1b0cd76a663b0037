import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { Inject, Injectable } from '@nestjs/common';
import { Log } from '../common/index.js';
import { eventsConfig, listenersConfig, providersConfig } from '../config/index.js';
import type { ConfigType } from '../config/index.js';
import { DatabaseClock } from '../database/index.js';
import { BackgroundWorks } from '../lifecycle/index.js';
import { Metrics } from '../metrics/index.js';

/** Milliseconds between two looks, and between two log lines about the same credential. */
const INTERVAL_MS = 60_000;
const REPEATED_AFTER_MS = 86_400_000;

/** Something of our own that ends, by the name that operators know it by. */
interface CredentialEnd {
  readonly credential: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** Tells of our own credentials that end soon: client secrets, and certificates of the listeners. */
@Injectable()
export class CredentialEnds {
  private readonly saidAt = new Map<string, number>();
  private readonly secrets: readonly CredentialEnd[];

  constructor(
    @Inject(eventsConfig.KEY) private readonly events: ConfigType<typeof eventsConfig>,
    @Inject(listenersConfig.KEY) private readonly listeners: ConfigType<typeof listenersConfig>,
    @Inject(providersConfig.KEY) providers: ConfigType<typeof providersConfig>,
    private readonly clock: DatabaseClock,
    private readonly log: Log,
    metrics: Metrics,
    works: BackgroundWorks,
  ) {
    const { stitchMoney, configured } = providers;
    const named = [
      ...(stitchMoney ? [{ ...stitchMoney, name: 'stitch-money' }] : []),
      ...configured,
    ];
    this.secrets = named.flatMap(({ name, clientSecretExpiresAt: at }) =>
      at === undefined ? [] : [{ credential: name, at }],
    );
    metrics.gauge(
      'stitch_vault_client_secret_expires_timestamp_seconds',
      'When a client secret ends, where its end is configured.',
      ['provider'],
      () =>
        this.secrets.map(({ credential, at }) => ({
          labels: { provider: credential },
          value: at / 1000,
        })),
    );
    works.every('credential-ends', INTERVAL_MS, () => this.look());
  }

  /** Says once a day what ends soon or has ended. */
  async look(): Promise<void> {
    const now = this.clock.now();
    for (const { credential, at } of [...this.secrets, ...(await this.certificates())]) {
      const said = this.saidAt.get(credential);
      if (at - now > this.events.expiringAheadMs) continue;
      if (said !== undefined && now - said < REPEATED_AFTER_MS) continue;
      this.saidAt.set(credential, now);
      const ends = { credential, ends_at: new Date(at).toISOString() };
      this.log.event(at <= now ? 'error' : 'warn', 'credential.expiring', ends);
    }
  }

  private async certificates(): Promise<CredentialEnd[]> {
    const listeners = [
      ['TLS_CERT_FILE', this.listeners.internal.tls?.certFile],
      ['TLS_CLIENT_CA_FILE', this.listeners.internal.tls?.clientCaFile],
      ['PUBLIC_TLS_CERT_FILE', this.listeners.public.tls?.certFile],
    ] as const;
    const found = await Promise.all(
      listeners.map(async ([credential, path]) => {
        try {
          if (path === undefined) return [];
          const { validTo } = new X509Certificate(await readFile(path));
          return [{ credential, at: Date.parse(validTo) }];
        } catch {
          // The listener itself reports a file that can't be used.
          return [];
        }
      }),
    );
    return found.flat();
  }
}
