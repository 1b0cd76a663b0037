import { createWorld } from '../support/world.js';

const READS = 30;

interface Line {
  readonly level: number;
  readonly event: string;
  readonly [member: string]: unknown;
}

describe('the log while a provider is down', () => {
  it('has one line for what was refused by the same route and code, and none for each', async () => {
    const world = await createWorld({ environment: { REFRESH_POLICY: 'on-demand' } });
    try {
      await world.link('nia');
      world.sandbox.switches.tokenFault = '503';
      await world.age('nia', 900);
      for (let read = 0; read < READS; read += 1) {
        expect((await world.read('nia')).status).toBe(503);
      }
      await world.vaults.pop()!.stop();
      const lines = world.vault.logs.map((line) => JSON.parse(line) as Line);
      const sums = lines.filter(({ event }) => event === 'http.unavailable');
      expect(sums.map(({ route, code }) => `${String(route)} ${String(code)}`)).toContain(
        '/tokens/:user_id provider_unavailable',
      );
      expect(sums.reduce((sum, { count }) => sum + Number(count), 0)).toBe(READS);
      expect(sums.length).toBeLessThan(5);
      expect(lines.filter(({ event, level }) => event === 'http.request' && level >= 40)).toEqual(
        [],
      );
    } finally {
      await world.close();
    }
  });

  it('says once what the database refuses, while it is there', async () => {
    const world = await createWorld();
    try {
      await world.database.query('ALTER TABLE stitch_grants RENAME TO elsewhere');
      for (let read = 0; read < 3; read += 1) expect((await world.read('nia')).status).toBe(503);
      await world.database.query('ALTER TABLE elsewhere RENAME TO stitch_grants');
      const told = world.vault.logs
        .map((line) => JSON.parse(line) as Line)
        .filter(({ event }) => event === 'database.refused');
      expect(told).toMatchObject([
        { code: '42P01', reason: 'relation "stitch_grants" does not exist' },
      ]);
    } finally {
      await world.close();
    }
  });
});
