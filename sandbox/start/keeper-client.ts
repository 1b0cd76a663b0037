import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { Complaint } from './complaint.js';
import type { FromKeeper, ToKeeper } from './keeper.js';
import type { Cluster } from './postgres.js';

/** The launcher's side of the keeper. */
export class Keeper {
  private readonly child: ChildProcess = fork(join(import.meta.dirname, 'keeper.ts'), {
    detached: true,
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });

  /** @throws Complaint when PostgreSQL does not start */
  async startPostgres(cluster: Cluster): Promise<void> {
    const answer = new Promise<FromKeeper>((resolve) => {
      this.child.once('message', (message: FromKeeper) => {
        resolve(message);
      });
      this.child.once('exit', () => {
        resolve({ complaint: 'The process that runs PostgreSQL ended.' });
      });
    });
    this.tell({ start: cluster });
    const outcome = await answer;
    if ('complaint' in outcome) throw new Complaint(outcome.complaint);
  }

  /** Has this process ended, before the database, when the launcher is no longer there to do it. */
  guard(pid: number | undefined): void {
    if (pid !== undefined) this.tell({ guard: pid });
  }

  /** When the keeper, and with it the database, ends without having been told to. */
  onLost(listener: () => void): void {
    this.child.once('exit', listener);
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    this.child.removeAllListeners('exit');
    const ended = once(this.child, 'exit');
    this.tell({ stop: true });
    await ended;
  }

  private tell(message: ToKeeper): void {
    if (this.child.connected) this.child.send(message);
  }
}
