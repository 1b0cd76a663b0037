import { randomUUID } from 'node:crypto';
import { Database } from '../../src/database/index.js';
import { GrantStore, TokenSealer, refreshDueAt } from '../../src/grants/index.js';
import { GrantCache } from '../../src/tokens/index.js';
import type { NewGrant } from '../../src/grants/index.js';
import type { MintedGrant } from '../../sandbox/index.js';
import type { TestDatabase } from './database.js';
import type { TestVault } from './vault.js';
import { eventually } from './wait.js';

/**
 * Makes a user's grants older by so many seconds, so that nothing has to wait for time to pass, and
 * waits until every replica has heard of it.
 */
export async function ageGrant(
  { database, vaults }: { database: TestDatabase; vaults: readonly TestVault[] },
  userId: string,
  seconds: number,
): Promise<void> {
  const rows = await database.query<{ provider: string; connection: string }>(
    'SELECT provider, connection FROM stitch_grants WHERE user_id = $1',
    [userId],
  );
  const heard = rows.flatMap((row) =>
    vaults.map(({ app }) => {
      const cache = app.get(GrantCache);
      const key = { ...row, userId };
      const epoch = cache.epoch(key);
      return () => cache.epoch(key) !== epoch;
    }),
  );
  await database.query(
    `WITH aged AS (
       UPDATE stitch_grants SET obtained_at = obtained_at - $2 * interval '1 second',
         expires_at = expires_at - $2 * interval '1 second',
         refresh_due_at = refresh_due_at - $2 * interval '1 second'
       WHERE user_id = $1 RETURNING *)
     -- Caches must look again.
     SELECT stitch_notify(json_build_array('grant', provider, user_id, connection, 'changed',
       grant_id)::text) FROM aged`,
    [userId, seconds],
  );
  await eventually(`every replica has heard that the grants of ${userId} have changed`, () =>
    heard.every((ask) => ask()),
  );
}

/** Waits until every replica has dropped what it held in memory of a user's default grant. */
export async function droppedEverywhere(
  vaults: readonly TestVault[],
  userId: string,
  limit?: number,
): Promise<void> {
  const key = { provider: 'stitch-money', userId, connection: 'default' };
  await eventually(
    `every replica dropped the grant of ${userId}`,
    () => vaults.every(({ app }) => app.get(GrantCache).getStale(key) === undefined),
    limit,
  );
}

/** Stores grants as the callback would have, all in one transaction and without a browser. */
export async function seedGrants(
  { app }: TestVault,
  grants: ReadonlyMap<string, MintedGrant>,
  obtainedAt: number,
  lead = 180_000,
): Promise<void> {
  const sealer = app.get(TokenSealer);
  await app.get(Database).transaction(async (query) => {
    for (const [userId, minted] of grants) {
      const key = { provider: 'stitch-money', userId, connection: 'default' };
      const expiresAt = obtainedAt + minted.expiresIn * 1000;
      const grantId = randomUUID();
      const scopes = minted.scope.split(' ');
      const consent = { grantId, scopes, confirmed: true };
      const grant: NewGrant = {
        ...key,
        grantId,
        status: 'active',
        accessToken: sealer.seal(minted.accessToken, 'access_token', key, consent),
        refreshToken: sealer.seal(minted.refreshToken, 'refresh_token', key, consent),
        scopes,
        subject: minted.sub,
        accountId: null,
        obtainedAt,
        expiresAt,
        refreshDueAt: refreshDueAt({ obtainedAt, expiresAt }, lead),
      };
      await app.get(GrantStore).link(query, grant);
    }
  });
}
