import { setTimeout as delay } from 'node:timers/promises';
import { SchedulerRegistry } from '@nestjs/schedule';
import { Log } from '../common/index.js';
import { BackgroundWorks } from './index.js';

const lines: string[] = [];
const makeWorks = () =>
  new BackgroundWorks(
    new SchedulerRegistry(),
    new Log('debug', { write: (line: string) => void lines.push(line) }),
  );

const noted = (works: BackgroundWorks) => {
  const said: string[] = [];
  const note = (word: string) => () => void said.push(word);
  works.add({ start: note('start'), stop: note('stop'), drain: () => Promise.resolve() });
  return said;
};

describe('background work', () => {
  it('begins when it is told to, once, and not after a stop', () => {
    const works = makeWorks();
    const said = noted(works);
    expect(said).toEqual([]);
    works.start();
    works.start();
    works.stop();
    works.stop();
    works.start();
    expect(said).toEqual(['start', 'stop']);
    const early = makeWorks();
    const saidEarly = noted(early);
    early.stop();
    early.start();
    expect(saidEarly).toEqual(['stop']);
  });

  it('that recurs is done once at a time, told to end, and waited for', async () => {
    const works = makeWorks();
    let running = 0;
    let most = 0;
    let ended = 0;
    works.every('look', 1, async (signal) => {
      running += 1;
      most = Math.max(most, running);
      await new Promise((resolve) => {
        signal.addEventListener('abort', resolve);
      });
      running -= 1;
      ended += 1;
    });
    works.start();
    while (running === 0) await delay(1);
    await delay(5);
    works.stop();
    await works.drain('with-requests', 10_000);
    expect({ most, running, ended }).toEqual({ most: 1, running: 0, ended: 1 });
  });

  it('is waited for until the deadline and no longer, and one that fails keeps no other waiting', async () => {
    const works = makeWorks();
    const idle = { start: () => undefined, stop: () => undefined };
    works.add({ ...idle, drain: () => new Promise(() => undefined) });
    works.add({ ...idle, drain: () => Promise.reject(new Error('no')) }, 'after-requests');
    works.stop();
    await works.drain('with-requests', 20);
    await works.drain('after-requests', 10_000);
    expect(lines.join('')).toContain('"event":"work.drain_failed"');
  });
});
