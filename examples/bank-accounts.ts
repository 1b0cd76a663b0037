/** GET /USER_ID lists a user's bank accounts. A 401 of the API is the client's concern. */
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { VaultClient, VaultError } from '@stitch-token-vault/client';

const { VAULT_URL = 'http://127.0.0.1:3000', PORT = '4100' } = process.env;
const { VAULT_KEY_FILE = '.data/demo-api-key', API_URL = 'http://127.0.0.1:4001' } = process.env;
const vault = new VaultClient({ url: VAULT_URL, key: () => readFile(VAULT_KEY_FILE, 'utf8') });
const query = '{ user { ... on User { bankAccounts { name accountType currency balance } } } }';

async function bankAccounts(path: string): Promise<unknown> {
  const userId = decodeURIComponent(path.slice(1));
  const answer = await vault.fetch(userId, `${API_URL}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query }),
  });
  if (!answer.ok) throw new Error(`the API answered ${answer.status}`);
  const { data } = (await answer.json()) as { data: { user: { bankAccounts: unknown } } };
  return data.user.bankAccounts;
}

const server = createServer((request, response) => {
  const send = (status: number, body: unknown) =>
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  bankAccounts(request.url ?? '/').then(
    (accounts) => send(200, accounts),
    (error: unknown) => send(502, { error: error instanceof VaultError ? error.code : 'failed' }),
  );
});
server.listen(Number(PORT), '127.0.0.1');
