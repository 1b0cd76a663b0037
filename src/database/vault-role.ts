import type { DataSource } from 'typeorm';
import { vaultRoleSql } from '#migrations';

/** The role that deploy/postgres/vault-role.sql speaks of. */
const NAMED_THERE = /'vault_app'|vault_app/g;
/** What stands in SQL between quotes, or within a text that holds SQL, as it is. */
const PLAIN_NAME = /^[^'"%\\$]+$/;

/** Roles that were given a vault's rights: nobody else may prune the audit. */
const VAULT_ROLES = `
  SELECT DISTINCT role.rolname AS name FROM pg_proc function
  CROSS JOIN LATERAL aclexplode(function.proacl) acl JOIN pg_roles role ON role.oid = acl.grantee
  WHERE function.oid = to_regprocedure('audit_prune(bigint, integer)')
    AND acl.grantee <> function.proowner ORDER BY 1`;

/** Whose the tables are, and whether this session may give rights on them. */
const OWNER = `
  SELECT owner.rolname AS owner, pg_has_role(owner.oid, 'USAGE') AS mine
  FROM pg_class grants JOIN pg_roles owner ON owner.oid = grants.relowner
  WHERE grants.oid = to_regclass('stitch_grants')`;

/**
 * Gives the roles that vaults work with the rights on what migrations have added: forgotten, the
 * vault would find out at its first statement on a new table.
 *
 * @param role one that is to be a vault's role as well, and is made if there is none
 * @returns their names
 * @throws Error that names the role whose rights can't be given
 */
export async function renewRights(dataSource: DataSource, role?: string): Promise<string[]> {
  const found = await dataSource.query<{ name: string }[]>(VAULT_ROLES);
  const names = new Set(found.map(({ name }) => name));
  if (role !== undefined) names.add(role);
  for (const name of names) {
    try {
      await refuseOthers(dataSource);
      await dataSource.query(sqlFor(name));
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new Error(`the rights of the role ${name} could not be given: ${why}`, {
        cause: error,
      });
    }
  }
  return [...names];
}

/** PostgreSQL does no more than warn where a role gives what is not its own, and gives nothing. */
async function refuseOthers(dataSource: DataSource): Promise<void> {
  const [tables] = await dataSource.query<{ owner: string; mine: boolean }[]>(OWNER);
  if (tables && !tables.mine) throw new Error(`migrate as ${tables.owner}, who owns the tables`);
}

function sqlFor(role: string): string {
  if (!PLAIN_NAME.test(role)) throw new Error('its name has quotes, "%", "$" or a backslash');
  return vaultRoleSql().replace(NAMED_THERE, (match) =>
    match.startsWith("'") ? `'${role}'` : `"${role}"`,
  );
}
