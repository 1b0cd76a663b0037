import type { Site } from '../test/faults/site.js';
import { DueGrants } from './due-grants.js';
import type { Figure } from './figures.js';

/** Rows of the table that a larger one is compared with. */
const FEW = 10_000;
/** Claims of each table, one of the one and one of the other in turn; as many before that are not counted. */
const CLAIMS = 20;

/** What a claim of 500 costs with many rows, beside the same with 10,000 on the same server. */
export async function measureClaims(site: Site, rows: number): Promise<Figure> {
  const few = await DueGrants.open(site, FEW);
  const many = await DueGrants.open(site, rows);
  const vault: number[] = [];
  const limit: number[] = [];
  for (let claim = 0; claim < 2 * CLAIMS; claim += 1) {
    const [ofMany, ofFew] = [await many.claim(), await few.claim()];
    if (claim < CLAIMS) continue;
    vault.push(ofMany);
    limit.push(ofFew);
  }
  await few.close();
  await many.close();
  const name = `claim of 500, ${rows.toLocaleString('en')} rows`;
  return { name, unit: 'ms', vault, limit, against: 'the same with 10,000 rows' };
}
