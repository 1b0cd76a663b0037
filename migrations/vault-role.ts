import { readFileSync } from 'node:fs';

/** SQL that gives the role `vault_app` the rights of a vault: deploy/postgres/vault-role.sql. */
export const vaultRoleSql = (): string =>
  readFileSync(new URL('./vault-role.sql', import.meta.url), 'utf8');
