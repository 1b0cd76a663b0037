import { metric } from '../support/metrics.js';
import { freePort, launchVault } from '../support/vault.js';
import { createWorld } from '../support/world.js';

interface Ready {
  details: Record<string, { status: string; reason?: string } | undefined>;
}

describe('a replica whose configuration lacks a provider that there are grants of', () => {
  it('says so on readiness, by a gauge and one line, stays ready, and a replica that has it says nothing', async () => {
    const world = await createWorld({ replicas: 1 });
    try {
      await world.link('ann');
      const lacking = await launchVault({
        ...world.environment,
        PUBLIC_PORT: String(await freePort()),
        STITCH_MONEY_CLIENT_ID: '',
        STITCH_MONEY_CLIENT_SECRET: '',
      });
      try {
        const ready = await lacking.request('/health/ready');
        expect(ready.status).toBe(200);
        expect(((await ready.json()) as Ready).details.providers).toEqual({
          status: 'down',
          reason: 'there are grants of stitch-money, not configured here',
        });
        expect(await metric(lacking, 'stitch_vault_part_up{part="providers"}')).toBe(0);
        expect(lacking.logs.filter((line) => line.includes('"health.part_down"'))).toHaveLength(1);
      } finally {
        await lacking.stop();
      }
      const ready = await world.vault.request('/health/ready');
      expect(((await ready.json()) as Ready).details.providers).toEqual({ status: 'up' });
    } finally {
      await world.close();
    }
  });
});
