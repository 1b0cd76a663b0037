import { randomUUID } from 'node:crypto';
import { Log } from '../../src/common/index.js';
import { Sealer } from '../../src/encryption/index.js';
import { TokenSealer } from '../../src/grants/index.js';
import { Journal, Shelf } from '../../src/journal/index.js';
import { ROTATION_FORMAT } from '../../src/refresher/rotation-format.js';
import type { World } from './world.js';

/** Leaves behind what a process that was killed had been answered for a grant. */
export async function spoolAnswer(world: World, directory: string, userId: string): Promise<void> {
  const key = { provider: 'stitch-money', userId, connection: 'default' };
  const [grant] = await world.database.query<{ grant_id: string }>(
    'SELECT grant_id FROM stitch_grants WHERE user_id = $1',
    [userId],
  );
  const { app } = world.vault;
  const sealer = app.get(Sealer);
  const log = new Log('silent');
  const journal = new Journal({ directory, writer: randomUUID(), retention: 0 }, sealer, log);
  const shelf = new Shelf(journal, ROTATION_FORMAT, directory, sealer, log);
  const now = Date.now();
  await shelf.write({
    ...key,
    grantId: grant!.grant_id,
    version: 1,
    leaseOwner: 'gone/1',
    accessToken: app.get(TokenSealer).seal('a new token', 'access_token', key),
    refreshToken: null,
    scopes: null,
    obtainedAt: now - 60_000,
    expiresAt: now + 840_000,
    refreshDueAt: null,
  });
  journal.close();
}
