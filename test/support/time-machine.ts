import type { TestDatabase } from './database.js';

/** What the vault keeps of grants, callers and itself; the audit is left as it is. */
const TABLES = `SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'
  AND (tablename LIKE 'stitch\\_%' OR tablename IN ('service_clients', 'client_tokens'))`;

const tablesOf = async (database: TestDatabase): Promise<string[]> =>
  (await database.query<{ name: string }>(TABLES)).map(({ name }) => name);

/** Keeps the database as it is now, beside itself. */
export async function keepAside(database: TestDatabase): Promise<void> {
  const tables = await tablesOf(database);
  const copies = tables.map((name) => `CREATE TABLE before.${name} AS TABLE public.${name};`);
  // One statement is one transaction.
  await database.query(`DO $$ BEGIN CREATE SCHEMA before; ${copies.join('\n')} END $$`);
}

/**
 * Brings back what was kept, as a restore does, or a standby that lacks what came since: nobody
 * is told, and no connection ends.
 */
export async function goBack(database: TestDatabase): Promise<void> {
  const tables = await tablesOf(database);
  const written = tables.map(
    (name) => `INSERT INTO public.${name} OVERRIDING SYSTEM VALUE TABLE before.${name};`,
  );
  await database.query(
    `DO $$ BEGIN
       SET LOCAL session_replication_role = replica;
       TRUNCATE ${tables.map((name) => `public.${name}`).join(', ')};
       ${written.join('\n')}
     END $$`,
  );
}
