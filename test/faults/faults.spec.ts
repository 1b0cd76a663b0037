import { pgBouncerInstalled } from './pgbouncer.js';
import type { Scenario } from './scenario.js';
import { databaseStopped } from './scenarios/database-outages.js';
import { killsWithGrace } from './scenarios/kills.js';
import { pooler } from './scenarios/pooler.js';
import { stampede } from './scenarios/stampede.js';
import { terminations } from './scenarios/terminations.js';
import { Site } from './site.js';

/** Short versions of what `npm run faults` does at length, with real processes. */
describe('the vault as processes', () => {
  let site: Site;

  beforeAll(async () => {
    site = await Site.open();
  });

  afterAll(() => site.close());

  const passes = async (scenario: Scenario): Promise<void> => {
    for (const outcome of await scenario.run(site, true)) {
      // The notes come first: they say what failed.
      expect(outcome.notes.filter((note) => note.startsWith('FAILED'))).toEqual([]);
      expect(outcome).toMatchObject({ verdict: 'passed', lost: 0, wrong: 0 });
    }
  };

  it('calls the provider once per rotation, whatever the number of readers and replicas', () =>
    passes(stampede));

  it('loses no grant to kill -9 at a provider with a grace', () => passes(killsWithGrace));

  it('loses nothing to SIGTERM under load and exits with 0', () => passes(terminations));

  it('serves warm readers through a database outage and loses nothing in it', () =>
    passes(databaseStopped));

  // Debian's package, which CI installs; `npm run faults` says "not run" where it is missing.
  if (pgBouncerInstalled()) {
    it('links, reads, rotates and deletes behind PgBouncer', () => passes(pooler));
  }
});
