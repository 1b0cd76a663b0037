import { performance } from 'node:perf_hooks';
import { Log } from '../common/index.js';
import { ConfigurationError, loadConfig } from '../config/index.js';
import { TOO_MANY_FILES, isTooManyFiles } from './entry.js';
import { StartError } from './start-error.js';
import { startVault } from './vault.js';
import type { Vault } from './vault.js';

/** Milliseconds beyond `PROVIDER_TIMEOUT` after which a stop is cut short. */
const STOP_MARGIN_MS = 4000;

/**
 * Milliseconds within which signals are one. A Ctrl-C reaches a process by its terminal and by npm, and
 * `timeout` signals its child and then the group.
 */
const SAME_SIGNAL_MS = 1000;

/** Milliseconds for the last lines to reach whatever reads the log. */
const LAST_LINES = 500;

/** Says what is wrong in plain lines and ends the process. */
function refuse(error: Error): never {
  try {
    process.stderr.on('error', () => undefined).write(`${error.message}\n`);
  } finally {
    // Whether or not anybody could be told.
    process.exit(1);
  }
}

/** Ends the process once its last lines are written, or can't be. */
function end(log: Log, code: number): void {
  void log.flush(LAST_LINES).finally(() => process.exit(code));
}

async function main(): Promise<void> {
  const config = loadConfig();
  const log = new Log(config.process.logLevel);
  const started: { vault?: Vault } = {};
  let stoppingSince: number | undefined;

  const stop = (signal: NodeJS.Signals) => {
    if (stoppingSince !== undefined) {
      if (performance.now() - stoppingSince < SAME_SIGNAL_MS) return;
      // A second signal means now. What is in flight is left in doubt, and found so by whoever is next.
      process.exit(1);
    }
    stoppingSince = performance.now();
    log.event('info', 'vault.stopping', { signal });
    setTimeout(() => {
      log.event('warn', 'vault.stop_cut_short');
      end(log, 0);
    }, config.refresh.providerTimeoutMs + STOP_MARGIN_MS).unref();
    const stopped = started.vault?.stop() ?? Promise.resolve();
    stopped.then(
      () => {
        log.event('info', 'vault.stopped');
        end(log, 0);
      },
      (error: unknown) => {
        log.failure('vault.stop_failed', error);
        end(log, 1);
      },
    );
  };
  // SIGHUP as well: sent by who means a reload, or by a terminal that goes, it would end the process at once.
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, stop);
  // Node would write its warnings to stderr as plain text.
  process.removeAllListeners('warning').on('warning', (warning) => {
    log.failure('vault.process_warning', warning);
  });
  process.on('unhandledRejection', (error) => {
    log.failure('vault.unhandled_rejection', error);
  });

  const vault = await startVault(config, log, refuse);
  started.vault = vault;
  log.event('info', 'vault.started', {
    internal: vault.internalUrl,
    public: vault.publicUrl,
    environment: config.process.environment,
  });
}

main().catch((error: unknown) => {
  if (error instanceof ConfigurationError || error instanceof StartError) refuse(error);
  if (isTooManyFiles(error)) refuse(new StartError(TOO_MANY_FILES));
  const log = new Log();
  log.failure('vault.start_failed', error);
  end(log, 1);
});
