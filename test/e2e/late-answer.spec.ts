import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { spoolAnswer } from '../support/spooled-answer.js';
import { launchVault } from '../support/vault.js';
import { eventually } from '../support/wait.js';
import { createWorld } from '../support/world.js';
import type { World } from '../support/world.js';

/**
 * A process was killed with an answer in its spool and is back late: another one has taken its lease over and
 * presented the token once more, and a provider that saw it twice may have revoked the new one as well.
 */
describe('an answer in the spool whose lease somebody has taken over since', () => {
  let world: World;
  let directory: string;
  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'stitch-vault-late-'));
    world = await createWorld({ environment: { REFRESH_POLICY: 'all', REFRESH_INTERVAL: '1' } });
    await world.link('nia');
    await spoolAnswer(world, directory, 'nia');
    await world.vaults.pop()!.stop();
    // Another replica has been at work all the while.
    world.vaults.push(await launchVault({ ...world.environment, REFRESH_POLICY: 'paused' }));
  });
  afterEach(async () => {
    await world.close();
    rmSync(directory, { recursive: true, force: true });
  });

  it.each([
    [
      'which still works with it',
      `lease_owner = 'other/1', lease_expires_at = now() - interval '1 second',
       rotation_started_at = now() - interval '20 seconds'`,
    ],
    ['which failed', `rotation_started_at = now() - interval '20 seconds'`],
    ['which gave the grant up', `status = 'reauthorization_required', reason = 'rotation_lost'`],
  ])('is tried at once, and no sign that the database went back: %s', async (_, row) => {
    await world.database.query(`UPDATE stitch_grants SET refresh_due_at = now(), ${row}`);
    const next = await launchVault({ ...world.environment, SPOOL_DIR: directory });
    world.vaults.push(next);
    await eventually('it is committed and tried', async () => {
      const [grant] = await world.database.query<{ version: string }>(
        'SELECT version FROM stitch_grants WHERE rotation_started_at IS NULL',
      );
      return grant?.version === '3';
    });
    expect(next.logs.filter((line) => line.includes('database.went_back'))).toEqual([]);
  });
});
