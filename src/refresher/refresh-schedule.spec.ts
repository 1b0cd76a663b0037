import { setTimeout as sleep } from 'node:timers/promises';
import { Log } from '../common/index.js';
import type { Clock } from '../common/index.js';
import type { GuardedProvider } from '../providers/index.js';
import { RefreshSchedule } from './refresh-schedule.js';

const CLOCK = {
  now: () => Date.now(),
  sleep: (milliseconds: number, signal?: AbortSignal) => sleep(milliseconds, undefined, { signal }),
} as unknown as Clock;

describe('the schedule', () => {
  it('goes on with a provider while another one hangs', async () => {
    const guarded = ['hanging', 'well'].map(
      (name) => ({ provider: { name }, breaker: { wait: 0 } }) as unknown as GuardedProvider,
    );
    const looks: string[] = [];
    let thrice: () => void;
    const lookedThrice = new Promise<void>((resolve) => (thrice = resolve));
    const schedule = new RefreshSchedule(
      {
        refresher: {
          stop: () => undefined,
          runDue: async ({ provider }) => {
            looks.push(provider.name);
            if (provider.name === 'hanging') await new Promise(() => undefined);
            if (looks.filter((name) => name === 'well').length === 3) thrice();
          },
        },
        providers: { all: () => guarded },
        trust: { look: () => Promise.resolve() },
        store: { nextDueIn: () => Promise.resolve(1) },
        clock: CLOCK,
        log: new Log('silent'),
        random: () => 0,
      },
      { intervalMs: 3_600_000, atInterval: () => undefined, periodicTasks: [] },
    );
    schedule.start();
    await lookedThrice;
    schedule.stop();
    expect(looks.filter((name) => name === 'hanging')).toHaveLength(1);
  });
});
