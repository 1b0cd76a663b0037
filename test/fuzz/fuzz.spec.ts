import { fuzzParsers, fuzzRoutes } from './fuzz.js';
import { startTarget } from './target.js';
import type { FuzzTarget } from './target.js';

/** Small here, long as `npm run fuzz`. A seed is printed with whatever it finds. */
const ROUTES_MS = 3000;
const PARSER_RUNS = 150;
const seed = () => Math.floor(Math.random() * 2 ** 30);

describe('whatever is thrown at the vault', () => {
  let target: FuzzTarget;
  beforeAll(async () => {
    target = await startTarget();
  });
  afterAll(() => target.close());

  it('is answered: no 5xx of its own, nothing unforeseen in the log, a stop in order', async () => {
    const { requests, statuses, memory } = await fuzzRoutes(target, ROUTES_MS, seed());
    expect(requests).toBeGreaterThan(100);
    // Were every request refused at the door, nothing behind it would have been tried.
    expect(statuses).toMatchObject({ 200: expect.any(Number), 400: expect.any(Number) });
    expect(memory.late).toBeLessThan(400);
    expect((await fetch(`${target.vault.internalUrl}/health/ready`)).status).toBe(200);
    target.vault.kill('SIGTERM');
    expect((await target.vault.ended).code).toBe(0);
    expect(target.failures()).toEqual([]);
  });

  it('is understood or refused by every parser', async () => {
    expect(await fuzzParsers(PARSER_RUNS, seed())).toBeGreaterThan(1000);
  });
});
