import type { Site } from '../test/faults/site.js';
import { CLAIMED, DueGrants, SEALED_BYTES } from './due-grants.js';
import type { Figure } from './figures.js';

/** How often every grant is rotated. */
const ROUNDS = 10;
/**
 * How often autovacuum comes by while all grants are rotated once: each minute (`autovacuum_naptime`) of
 * the 720 seconds that a round takes with tokens of 900. Here a round takes less, so it is sent for.
 */
const VACUUMS = 12;

/** What ten rounds of rotations leave of the table and its indexes, beside what they were before. */
export async function measureBloat(site: Site, rows: number): Promise<Figure[]> {
  const grants = await DueGrants.open(site, rows);
  const fresh = await grants.size();
  const logged = await grants.written();
  const claims = Math.ceil((ROUNDS * rows) / CLAIMED);
  const between = Math.max(1, Math.round(rows / CLAIMED / VACUUMS));
  for (let claim = 1; claim <= claims; claim += 1) {
    await grants.claim();
    if (claim % between === 0) await grants.vacuum();
    if (claim % Math.ceil(claims / ROUNDS) === 0) {
      process.stderr.write(
        `  round ${String(Math.ceil((claim * ROUNDS) / claims))} of ${ROUNDS}\n`,
      );
    }
  }
  const worn = await grants.size();
  const log = (await grants.written()) - logged;
  await grants.close();
  const megabytes = (bytes: number) => [bytes / 1024 / 1024];
  const against = 'before the first round';
  const name = (what: string) => `${what} of ${rows.toLocaleString('en')} grants, ten rounds`;
  return [
    {
      ...{ name: name('table'), unit: 'MiB', against },
      vault: megabytes(worn.table),
      limit: megabytes(fresh.table),
    },
    {
      ...{ name: name('indexes'), unit: 'MiB', against },
      vault: megabytes(worn.indexes),
      limit: megabytes(fresh.indexes),
    },
    {
      ...{ name: 'write-ahead log of a rotation', unit: 'bytes' },
      vault: [log / (claims * CLAIMED)],
      limit: [2 * SEALED_BYTES],
      against: 'its two sealed tokens',
    },
  ];
}
