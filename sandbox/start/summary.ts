import type { Sandbox } from '../index.js';
import { DEMO_USER } from './demo.js';
import type { Settings } from './settings.js';

export interface Summary {
  readonly settings: Settings;
  readonly sandbox: Sandbox;
  readonly key: string;
  /** A consent link for the user `you`. */
  readonly link: string;
  readonly databaseGiven: boolean;
}

/** What is printed once everything runs. */
export function summaryOf({ settings, sandbox, key, link, databaseGiven }: Summary): string {
  const { apiUrl } = settings;
  const token = (user: string) => `curl -H 'Authorization: Bearer ${key}' ${apiUrl}/tokens/${user}`;
  const command = databaseGiven ? '' : 'DATABASE_URL_FILE=.data/database-url ';
  return `
The vault is running, and ${DEMO_USER} is linked. Their bearer token:

  ${token(DEMO_USER)}

Try the consent yourself, as the user "you": open

  ${link}

and then

  ${token('you')}

API documentation   ${apiUrl}/docs
Console             ${apiUrl}/console   sign in with the API key
API key             KEY=$(cat .data/demo-api-key)   as the docs use it
Sandbox providers   ${sandbox.stitchMoney.url}  ${sandbox.stitchConnect.url}
Operator commands   ${command}npm run vault -- clients list
Log of the vault    .data/vault.log

A line appears here whenever a token is rotated. Ctrl-C stops everything; .data is kept.
`;
}
