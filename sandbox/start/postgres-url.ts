/** The one role and the one database of the cluster. */
export const USER = 'vault';
export const DATABASE = 'vault';

/** What a client needs to reach the vault's database. */
export function urlOf({ port, password }: { port: number; password: string }): string {
  return `postgres://${USER}:${password}@127.0.0.1:${port}/${DATABASE}`;
}
