import type { TestDatabase } from './database.js';

/**
 * The schema of a database as text: everything that the vault's migrations create, in a fixed
 * order, each definition as PostgreSQL itself spells it. For people to review and for a test to
 * compare; databases are built by the migrations alone.
 */
export async function dumpSchema(database: TestDatabase): Promise<string> {
  const sections: [title: string, sql: string][] = [
    [
      'tables',
      `SELECT format(E'CREATE TABLE %s (\\n%s\\n)%s;', c.relname,
         string_agg(concat('  ', a.attname, ' ', format_type(a.atttypid, a.atttypmod),
           CASE WHEN l.collname <> 'default' THEN ' COLLATE ' || quote_ident(l.collname) END,
           CASE WHEN a.attnotnull THEN ' NOT NULL' END,
           CASE WHEN a.attidentity <> '' THEN ' GENERATED AS IDENTITY' END,
           ' DEFAULT ' || pg_get_expr(d.adbin, d.adrelid)), E',\\n' ORDER BY a.attnum),
         ' WITH (' || array_to_string(c.reloptions, ', ') || ')') AS line
       FROM pg_class c
       JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
       LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
       LEFT JOIN pg_collation l ON l.oid = a.attcollation
       WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
       GROUP BY c.oid, c.relname, c.reloptions ORDER BY c.relname`,
    ],
    [
      'constraints',
      // NOT NULL stands with its column; PostgreSQL 18 lists it as a constraint, 17 does not.
      `SELECT format('ALTER TABLE %s ADD CONSTRAINT %I %s;', c.relname, k.conname,
         pg_get_constraintdef(k.oid)) AS line
       FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
       WHERE k.connamespace = 'public'::regnamespace AND k.contype <> 'n'
       ORDER BY c.relname, k.conname`,
    ],
    [
      'indexes of no constraint',
      `SELECT indexdef || ';' AS line FROM pg_indexes
       WHERE schemaname = 'public' AND indexname NOT IN (SELECT conname FROM pg_constraint)
       ORDER BY indexname`,
    ],
    [
      'functions',
      `SELECT pg_get_functiondef(p.oid) || ';' AS line FROM pg_proc p
       WHERE p.pronamespace = 'public'::regnamespace ORDER BY p.proname`,
    ],
    [
      'triggers',
      `SELECT pg_get_triggerdef(t.oid) || ';' AS line FROM pg_trigger t
       JOIN pg_class c ON c.oid = t.tgrelid
       WHERE NOT t.tgisinternal AND c.relnamespace = 'public'::regnamespace
       ORDER BY c.relname, t.tgname`,
    ],
    [
      'extensions',
      `SELECT '-- ' || extname AS line FROM pg_extension WHERE extname <> 'plpgsql'
       ORDER BY extname`,
    ],
    ['migrations', `SELECT '-- ' || name AS line FROM migrations ORDER BY timestamp`],
  ];
  const parts: string[] = [];
  for (const [title, sql] of sections) {
    const rows = await database.query<{ line: string }>(sql);
    parts.push(`-- ${title}${['', ...rows.map(({ line }) => line.trimEnd())].join('\n')}`);
  }
  return `${parts.join('\n\n')}\n`;
}
