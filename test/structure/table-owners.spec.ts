import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** The folder of `src/` that owns a table. Others go through a port that this folder implements. */
const OWNERS: Readonly<Record<string, string>> = {
  audit_events: 'audit',
  audit_keys: 'audit',
  client_tokens: 'client-tokens',
  console_samples: 'console',
  migrations: 'database',
  service_clients: 'clients',
  stitch_authorization_browsers: 'authorization-requests',
  stitch_authorization_requests: 'authorization-requests',
  stitch_channel: 'database',
  stitch_clock_steps: 'database',
  stitch_ended_consents: 'grants',
  stitch_events: 'events',
  stitch_grants: 'grants',
  stitch_history: 'database',
  stitch_provider_fuses: 'grants',
  stitch_replicas: 'database',
  stitch_revocations: 'refresher',
  stitch_unconfirmed_grants: 'grants',
  stitch_webhook_deliveries: 'events',
  stitch_webhook_receivers: 'events',
};

/** Statements of the grants that have to read another table in the same snapshot. They only read. */
const FOREIGN_READS = ['grants reads stitch_events', 'grants reads stitch_replicas'];

const root = join(import.meta.dirname, '../..');

/** The sources of the product by their folder of `src/`. */
const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((path) => path.includes('/') && path.endsWith('.ts') && !path.endsWith('.spec.ts'))
  .map((path) => ({
    folder: path.split('/')[0] ?? '',
    text: readFileSync(join(root, 'src', path), 'utf8'),
  }));

/** What the sources do to the tables, such as `grants writes stitch_grants`. */
function uses(verbs: string, word: string): Set<string> {
  const statement = new RegExp(`\\b(?:${verbs})\\s+(?:ONLY\\s+)?([a-z_]+)\\b`, 'g');
  const found = sources.flatMap(({ folder, text }) =>
    [...text.matchAll(statement)]
      .filter(([, table = '']) => table in OWNERS)
      .map(([, table = '']) => `${folder} ${word} ${table}`),
  );
  return new Set(found);
}

const isForeign = (use: string): boolean => {
  const [folder, , table = ''] = use.split(' ');
  return OWNERS[table] !== folder;
};

describe('the tables of the schema', () => {
  it('have an owner each', () => {
    const schema = readFileSync(join(root, 'test/support/schema.sql'), 'utf8');
    const tables = [...schema.matchAll(/^CREATE TABLE ([a-z_]+) /gm)].map(([, table]) => table);
    expect(new Set(tables)).toEqual(new Set(Object.keys(OWNERS)));
  });

  it('stand in docs/architecture.md beside their owner, which has a row for every folder', () => {
    const page = readFileSync(join(root, 'docs/architecture.md'), 'utf8');
    const rows = page.split('\n').filter((line) => /^\| `[a-z.-]+[`/]/.test(line));
    const folders = readdirSync(join(root, 'src'), { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name);
    const described = rows.flatMap((row) => {
      const [, folder = '', holds = ''] = row.split('|');
      return [...folder.matchAll(/`([a-z-]+)\/`/g)].map(([, name = '']) => ({ name, holds }));
    });
    expect(described.map(({ name }) => name).sort()).toEqual(folders.sort());
    for (const [table, owner] of Object.entries(OWNERS)) {
      const named = described.filter(({ holds }) => holds.includes(`\`${table}\``));
      expect({ table, named: named.map(({ name }) => name) }).toEqual({ table, named: [owner] });
    }
  });

  it('are written by the SQL of their owner alone', () => {
    const writes = [...uses('INSERT INTO|UPDATE|DELETE FROM', 'writes')];
    // The pattern finds what is there at all.
    expect(writes).toContain('grants writes stitch_grants');
    expect(writes.filter(isForeign)).toEqual([]);
  });

  it('are read by others only where a snapshot has to be one', () => {
    expect([...uses('FROM|JOIN', 'reads')].filter(isForeign).sort()).toEqual(FOREIGN_READS);
  });
});
