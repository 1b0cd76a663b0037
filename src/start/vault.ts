import { setTimeout as delay } from 'node:timers/promises';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { createInternalApp, createPublicApp } from './applications.js';
import type { Log } from '../common/index.js';
import type { VaultConfig } from '../config/index.js';
import { KeyringError } from '../health/index.js';
import { Draining, serveApiDescription } from '../http/index.js';
import { listen, openListeners } from './listeners.js';
import { Opened } from './opened.js';
import { PROVIDERS } from '../providers/index.js';
import type { ProviderFactory } from '../providers/index.js';
import { StartError } from './start-error.js';
import type { VaultParts } from './vault-parts.js';

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
const ANSWERED_MS = 2500;
/** Milliseconds beyond it within which what they waited for is committed, and counted. */
const COMMITTED_MS = 3700;
/** Milliseconds between comparisons of the keyring while it can't be compared. */
const RECHECK_MS = 1000;

/**
 * Starts a vault. A database that is away is no reason not to start: the vault becomes ready once
 * it is there. A start that fails closes all that it has opened.
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
  const opened = new Opened(log);
  try {
    return await openVault(config, log, onFatal, providers, opened);
  } catch (error) {
    await opened.close();
    throw error;
  }
}

async function openVault(
  config: VaultConfig,
  log: Log,
  onFatal: (error: Error) => void,
  providers: readonly ProviderFactory[],
  opened: Opened,
): Promise<Vault> {
  const { internal, public: browsers } = config.listeners;
  const servers = await openListeners(config.listeners, log);
  opened.add(() => {
    servers.close();
  });
  const making = { config, log, servers, opened };
  const { app, parts } = await createInternalApp(making, providers);
  const { lifecycle, works } = parts;
  openJournal(parts);
  const publicApp = await createPublicApp(making, parts);
  serveApiDescription(app, publicApp, browsers.url);
  const draining = [app, publicApp].map(
    (each) => new Draining(each.getHttpAdapter().getInstance()),
  );
  // Closed before the applications are: rotations need the database that these let go of.
  opened.add(async () => {
    works.stop();
    await works.drain('after-requests', config.refresh.providerTimeoutMs + COMMITTED_MS);
  });
  await app.init();
  const complete = await keyringComplete(parts);
  const internalUrl = await listen(app, '', internal);
  const publicUrl = await listen(publicApp, 'PUBLIC_', browsers);
  lifecycle.listening = true;
  // Last: a start that fails must not have spent a refresh token.
  if (complete) works.start();
  else void startWhenComplete(parts, log, onFatal);

  const patienceMs = config.refresh.providerTimeoutMs + ANSWERED_MS;
  const stop = async () => {
    lifecycle.listening = false;
    works.stop();
    // No new work, no new connections; requests under way get their answer.
    const answered = draining.map((listener) => listener.close(patienceMs));
    await Promise.all([...answered, works.drain('with-requests', patienceMs)]);
    await opened.close();
  };
  return { app, internalUrl, publicUrl, stop };
}

function openJournal({ journal }: VaultParts): void {
  try {
    journal.open();
  } catch {
    throw new StartError('SPOOL_DIR: a directory that can be written to');
  }
}

/** @throws StartError when a key is missing or is not the one that was used */
async function keyringComplete({ gate }: VaultParts): Promise<boolean> {
  try {
    return await gate.opens();
  } catch (error) {
    throw error instanceof KeyringError ? StartError.ofKeyring(error) : error;
  }
}

/** Begins to work as soon as the keyring could be compared: one look after the other. */
async function startWhenComplete(
  parts: VaultParts,
  log: Log,
  onFatal: (error: Error) => void,
): Promise<void> {
  while (!parts.works.stopped) {
    await delay(RECHECK_MS, undefined, { ref: false });
    try {
      if (await keyringComplete(parts)) {
        parts.works.start();
        return;
      }
    } catch (error) {
      if (error instanceof StartError) onFatal(error);
      else log.failure('keyring.check_failed', error);
    }
  }
}
