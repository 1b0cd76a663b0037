import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { AppModule } from './app.module.js';
import { AuditLog, AuditRetention, AuditTrail } from './audit/index.js';
import {
  CallbackService,
  ConsentRecorder,
  Pages,
  PublicModule,
  StartService,
  errorPage,
  refuseLookAheads,
  stripPublicPath,
} from './authorization-requests/index.js';
import { ClientTokenRenewal } from './client-tokens/index.js';
import { Authentication } from './clients/index.js';
import type { Log } from './common/index.js';
import { StorageUnavailableError } from './common/index.js';
import type { ListenerConfig, VaultConfig } from './config/index.js';
import { Database, SchemaCheck } from './database/index.js';
import { EventDelivery } from './events/index.js';
import { KeyringCheck, KeyringError, Lifecycle } from './health/index.js';
import {
  Draining,
  ErrorFilter,
  RequestLog,
  acceptJsonBodies,
  fastifyAdapter,
  problemAnswer,
  serveApiDescription,
  validationPipe,
} from './http/index.js';
import { Journal } from './journal/index.js';
import { clientCeiling, limitSenders } from './limits.js';
import { openListeners } from './listeners.js';
import type { Listeners } from './listeners.js';
import { Metrics } from './metrics/index.js';
import { PROVIDERS } from './providers/index.js';
import type { ProviderFactory } from './providers/index.js';
import { RefresherRuntime, Revoker } from './refresher/index.js';
import { StartError } from './start-error.js';

/** A running vault: where it listens and how to stop it. */
export interface Vault {
  readonly app: NestFastifyApplication;
  readonly internalUrl: string;
  readonly publicUrl: string;
  /**
   * Finishes what is in flight, drains both listeners and lets go of the database; in bounded
   * time, and without losing an answer of a provider.
   */
  stop(): Promise<void>;
}

/** Milliseconds beyond `PROVIDER_TIMEOUT` within which every request is answered. */
const ANSWERED = 2500;
/** Milliseconds between checks of the keyring while it can't be checked. */
const RECHECK = 1000;
const OPTIONS = { bodyParser: false, abortOnError: false } as const;

/**
 * Starts a vault. A database that is away is no reason not to start: the vault becomes ready once
 * it is there.
 *
 * @param onFatal called when it turns out later that this vault must not run
 * @param providers what can be linked, so far as the configuration turns it on
 * @throws StartError
 */
export async function startVault(
  config: VaultConfig,
  log: Log,
  onFatal: (error: Error) => void,
  providers: readonly ProviderFactory[] = PROVIDERS,
): Promise<Vault> {
  const servers = await openListeners(config.listeners, log);
  const app = await NestFactory.create<NestFastifyApplication>(
    AppModule.forRoot(config, log, providers),
    fastifyAdapter(problemAnswer, servers.internal),
    { ...OPTIONS, logger: log },
  );
  const runtime = app.get(RefresherRuntime);
  try {
    servers.count(app.get(Metrics));
    app
      .get(Metrics)
      .count(
        'stitch_vault_log_lines_dropped_total',
        'Log lines that could not be written.',
        () => log.dropped,
      );
    prepareSpools(app);
    app.useGlobalPipes(validationPipe());
    app.useGlobalFilters(new ErrorFilter(log, problemAnswer));
    app
      .get(Authentication)
      .attach(app.getHttpAdapter().getInstance(), await clientCeiling(app, config.callers));
    app.get(AuditTrail).attach(app.getHttpAdapter().getInstance());
    const publicApp = await createPublicApp(app, config, log, servers);
    await limitSenders(publicApp, config.listeners.public, log);
    serveApiDescription(app, publicApp, config.listeners.public.url);
    const listeners: Draining[] = [];
    for (const each of [app, publicApp]) {
      const instance = each.getHttpAdapter().getInstance();
      acceptJsonBodies(instance);
      new RequestLog(log, app.get(Metrics)).attach(instance);
      listeners.push(new Draining(instance));
    }
    await app.init();
    const complete = await keyringComplete(app);
    const internalUrl = await listen(app, '', config.listeners.internal);
    const publicUrl = await listen(publicApp, 'PUBLIC_', config.listeners.public);
    app.get(Lifecycle).listening = true;
    // Last: a start that fails must not have spent a refresh token.
    if (complete) begin(app);
    else void beginWhenComplete(app, log, onFatal);
    const patience = config.refresh.providerTimeoutMs + ANSWERED;
    const drainListeners = () => listeners.map((listener) => listener.close(patience));
    const stop = async () => {
      await drain(app, runtime, drainListeners);
      servers.close();
      await Promise.all([publicApp.close(), app.close()]);
    };
    return { app, internalUrl, publicUrl, stop };
  } catch (error) {
    servers.close();
    runtime.stop();
    await runtime.drain();
    await app.close();
    throw error;
  }
}

async function createPublicApp(
  app: NestFastifyApplication,
  config: VaultConfig,
  log: Log,
  servers: Listeners,
) {
  const pages = new Pages(config.links.displayName);
  const publicApp = await NestFactory.create<NestFastifyApplication>(
    PublicModule.forRoot(app.get(CallbackService), app.get(StartService), pages),
    fastifyAdapter(errorPage(pages), servers.public, stripPublicPath(config.listeners.public.url)),
    { ...OPTIONS, logger: log },
  );
  publicApp.useGlobalFilters(new ErrorFilter(log, errorPage(pages)));
  refuseLookAheads(publicApp.getHttpAdapter().getInstance());
  return publicApp;
}

function prepareSpools(app: NestFastifyApplication): void {
  try {
    app.get(Journal).open();
  } catch {
    throw new StartError('SPOOL_DIR: a directory that can be written to');
  }
}

/**
 * Checks the keyring. @returns false when it can't be checked now: database away, or not migrated
 * @throws StartError when a key is missing or is not the one that was used
 */
async function keyringComplete(app: NestFastifyApplication): Promise<boolean> {
  try {
    if (!app.get(Database).available) return false;
    if ((await app.get(SchemaCheck).pending()).length > 0) return false;
    await app.get(KeyringCheck).run();
  } catch (error) {
    if (error instanceof StorageUnavailableError) return false;
    throw error instanceof KeyringError ? StartError.ofKeyring(error) : error;
  }
  app.get(Lifecycle).keyringChecked = true;
  return true;
}

/** Begins to work on its own account. */
function begin(app: NestFastifyApplication): void {
  app.get(AuditLog).start();
  app.get(AuditRetention).start();
  app.get(RefresherRuntime).start();
  app.get(ConsentRecorder).start();
  app.get(ClientTokenRenewal).start();
}

/** Begins to work as soon as the keyring could be checked: one check after the other. */
async function beginWhenComplete(
  app: NestFastifyApplication,
  log: Log,
  onFatal: (error: Error) => void,
): Promise<void> {
  const runtime = app.get(RefresherRuntime);
  while (!runtime.isStopped) {
    await delay(RECHECK, undefined, { ref: false });
    try {
      if (!(await keyringComplete(app))) continue;
      begin(app);
      return;
    } catch (error) {
      if (error instanceof StartError) onFatal(error);
      else log.failure('keyring.check_failed', error);
    }
  }
}

/** @param prefix what the variables of this listener begin with */
async function listen(
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

/** No new work, no new connections; requests under way get their answer. */
async function drain(
  app: NestFastifyApplication,
  runtime: RefresherRuntime,
  drainListeners: () => readonly Promise<void>[],
): Promise<void> {
  app.get(Lifecycle).listening = false;
  runtime.stop();
  app.get(ConsentRecorder).stop();
  const outboxes = [app.get(Revoker), app.get(EventDelivery), app.get(ClientTokenRenewal)].map(
    (outbox) => outbox.drain(),
  );
  await Promise.all([...drainListeners(), ...outboxes]);
  // The rotations that they waited for are finished and committed before the database is let go.
  // The audit is not kept waiting for them: nobody reads any more.
  await Promise.all([runtime.drain(), app.get(AuditRetention).stop(), app.get(AuditLog).close()]);
}
