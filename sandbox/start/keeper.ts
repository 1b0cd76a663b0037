/**
 * The keeper: a process of its own that runs PostgreSQL for the launcher and cleans up after it.
 *
 * It is apart for two reasons. Ctrl-C in a terminal reaches every process of the group at once, and
 * PostgreSQL would be gone before the vault has committed its last rotation; the keeper leads a
 * group of its own. And when the launcher is killed, the channel between them closes, and the
 * keeper still ends the vault and then the database, in that order.
 */
import { Complaint } from './complaint.js';
import { startPostgres } from './postgres.js';
import type { Cluster } from './postgres.js';
import { endProcess } from './processes.js';

export type ToKeeper =
  { readonly start: Cluster } | { readonly guard: number } | { readonly stop: true };

export type FromKeeper = { readonly started: true } | { readonly complaint: string };

/** PROVIDER_TIMEOUT + 5 s is what the vault may take to end; this is a little more. */
const VAULT_PATIENCE_MS = 20_000;

let stopPostgres: (() => Promise<void>) | undefined;
let guarded: number | undefined;
let starting: Promise<void> = Promise.resolve();

async function start(cluster: Cluster): Promise<void> {
  try {
    stopPostgres = await startPostgres(cluster, () => {
      stopPostgres = undefined;
      process.exitCode = 1;
      // The launcher sees this process go and ends the rest; without a launcher, we do.
      if (process.connected) process.exit();
      else void stop();
    });
    tell({ started: true });
  } catch (error) {
    tell({ complaint: error instanceof Complaint ? error.message : String(error) });
  }
}

async function stop(): Promise<void> {
  await starting;
  if (guarded !== undefined) await endProcess(guarded, 'SIGTERM', VAULT_PATIENCE_MS);
  await stopPostgres?.();
  process.exit(0);
}

function tell(message: FromKeeper): void {
  if (process.connected) process.send?.(message);
}

// Files that PostgreSQL's tools write on the way are for this user alone; as root they are read by
// the user `postgres`.
if (process.getuid?.() !== 0) process.umask(0o077);

process.on('message', (message: ToKeeper) => {
  if ('start' in message) starting = start(message.start);
  else if ('guard' in message) guarded = message.guard;
  else void stop();
});
process.once('disconnect', () => void stop());
