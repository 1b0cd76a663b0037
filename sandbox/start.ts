/**
 * `npm start`: the main job with nothing configured. An embedded PostgreSQL, the two sandbox
 * providers, the vault, and a demo user linked through the real flow; Ctrl-C stops it all.
 */
import { Complaint } from './start/complaint.js';
import { Interrupted, Launcher } from './start/launcher.js';

/**
 * npm and tsx pass a Ctrl-C on which the terminal has already delivered: signals this close
 * together are one.
 */
const SAME_SIGNAL_MS = 1000;

const launcher = new Launcher();
let firstSignalAt: number | undefined;

function onSignal(): void {
  if (firstSignalAt === undefined) {
    firstSignalAt = performance.now();
    console.log('\nStopping …');
    void finish(0);
  } else if (performance.now() - firstSignalAt > SAME_SIGNAL_MS) {
    launcher.kill();
    process.exit(130);
  }
}

async function finish(code: number): Promise<void> {
  try {
    await launcher.stop();
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exit(1);
  }
  process.exit(code);
}

function fail(error: unknown): void {
  if (firstSignalAt !== undefined || error instanceof Interrupted) return;
  firstSignalAt = performance.now();
  console.error(error instanceof Complaint ? error.message : error);
  void finish(1);
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal);

// With no one reading any more, as after `npm start | head`, it goes on without a word.
process.stdout.on('error', () => undefined);

launcher
  .start((why) => {
    fail(new Complaint(why));
  })
  .catch(fail);
