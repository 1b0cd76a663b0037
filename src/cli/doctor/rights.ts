import type { Query } from '../../database/index.js';

const EVERY = ['SELECT', 'INSERT', 'UPDATE', 'DELETE'];

/** What the vault does with its tables: what deploy/postgres/vault-role.sql gives. */
const TABLE_RIGHTS: Readonly<Record<string, readonly string[]>> = {
  migrations: ['SELECT'],
  stitch_channel: ['SELECT'],
  client_tokens: EVERY,
  console_samples: EVERY,
  stitch_authorization_browsers: EVERY,
  stitch_authorization_requests: EVERY,
  stitch_clock_steps: ['SELECT', 'INSERT', 'DELETE'],
  stitch_ended_consents: ['SELECT', 'INSERT'],
  stitch_events: EVERY,
  stitch_grants: EVERY,
  stitch_history: EVERY,
  stitch_provider_fuses: EVERY,
  stitch_replicas: EVERY,
  stitch_revocations: EVERY,
  stitch_unconfirmed_grants: EVERY,
  stitch_webhook_deliveries: EVERY,
  stitch_webhook_receivers: EVERY,
  service_clients: ['SELECT', 'UPDATE'],
  audit_events: ['SELECT', 'INSERT'],
  audit_keys: ['SELECT', 'INSERT', 'UPDATE'],
};

/** What it calls that not everybody may. */
const FUNCTIONS = [
  'audit_prune(bigint, integer)',
  'sequences_forward()',
  'service_clients_end(uuid, bytea, timestamptz)',
];

/** What its identity columns take their numbers from. */
const SEQUENCES = ['audit_position_seq', 'stitch_events_position_seq'];

/**
 * Rights that the role lacks, such as `INSERT on stitch_grants`. A table or function that is not there lacks a
 * migration and no right.
 */
export async function missingRights(query: Query): Promise<string[]> {
  const wanted = Object.entries(TABLE_RIGHTS).flatMap(([table, rights]) =>
    rights.map((right) => ({ table, right })),
  );
  const rows = await query<{ missing: string }>(
    `SELECT w.privilege || ' on ' || w.relation AS missing
     FROM unnest($1::text[], $2::text[]) AS w(relation, privilege)
     WHERE to_regclass(w.relation) IS NOT NULL
       -- Of some tables the role may change some columns.
       AND NOT CASE w.privilege WHEN 'UPDATE'
         THEN has_any_column_privilege(to_regclass(w.relation), w.privilege)
         ELSE has_table_privilege(to_regclass(w.relation), w.privilege) END
     UNION ALL
     SELECT 'EXECUTE on ' || f.signature FROM unnest($3::text[]) AS f(signature)
     WHERE NOT has_function_privilege(to_regprocedure(f.signature), 'EXECUTE')
     UNION ALL
     SELECT 'USAGE on ' || s.name FROM unnest($4::text[]) AS s(name)
     WHERE NOT has_sequence_privilege(to_regclass(s.name), 'USAGE')`,
    [wanted.map(({ table }) => table), wanted.map(({ right }) => right), FUNCTIONS, SEQUENCES],
  );
  return rows.map(({ missing }) => missing);
}
