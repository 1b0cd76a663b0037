import { Signal } from './signal.js';

describe('something that happens again and again', () => {
  it('is heard each time by who listens, and no more by who has stopped', () => {
    const signal = new Signal();
    const heard: string[] = [];
    const listener = (name: string) => () => {
      heard.push(name);
    };
    const stop = signal.on(listener('one'));
    signal.on(listener('other'));
    signal.happened();
    stop();
    signal.happened();
    expect(heard).toEqual(['one', 'other', 'other']);
  });

  it('ends the wait of all who wait for the next time, once', async () => {
    const signal = new Signal();
    const waits = [signal.next(), signal.next()];
    signal.happened();
    await Promise.all(waits);
    let over = false;
    const next = signal.next().then(() => (over = true));
    await Promise.resolve();
    expect(over).toBe(false);
    signal.happened();
    expect(await next).toBe(true);
  });
});
