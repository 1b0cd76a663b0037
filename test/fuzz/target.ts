import { startSandbox } from '../../sandbox/index.js';
import type { Sandbox } from '../../sandbox/index.js';
import { GrantsTable } from '../faults/grants-table.js';
import { Ledger } from '../faults/ledger.js';
import { cleanUp, eventsOf, startVaultProgram } from '../support/programs.js';
import type { VaultProgram } from '../support/programs.js';
import type { ApiDescription } from '../integration/api-schema.js';
import { createDatabase } from '../support/database.js';
import { programEnvironment } from '../support/program-environment.js';
import { newIssuerKey, startIssuer } from '../support/issuer.js';
import { TEST_KEYRING, createClient } from '../support/vault.js';

/** A vault of `dist/` with providers, an issuer of JWTs and a few grants, to throw things at. */
export interface FuzzTarget {
  readonly vault: VaultProgram;
  readonly description: ApiDescription;
  /** API keys and JWTs that are right. */
  readonly credentials: readonly string[];
  /** Lines of its log that must never be written. */
  failures(): string[];
  close(): Promise<void>;
}

/** Log events of something that nobody foresaw. */
const UNFORESEEN = ['vault.unhandled_rejection', 'http.failed', 'vault.process_warning'];

export async function startTarget(): Promise<FuzzTarget> {
  const database = await createDatabase();
  const sandbox: Sandbox = await startSandbox({});
  const key = await newIssuerKey('k1');
  const issuer = await startIssuer([key.jwk]);
  const table = new GrantsTable(database.url, TEST_KEYRING);
  await table.seed(sandbox.stitchMoney, new Ledger(), {
    users: ['ann', 'ben'],
    lifetime: 3600,
    age: () => 0,
    due: () => 3600,
  });
  await table.close();
  const apiKey = await createClient(database.url);
  await createClient(database.url, ['admin'], { name: 'by-jwt', subject: 'svc', withKey: false });
  const vault = await startVaultProgram(
    programEnvironment(database, {
      PUBLIC_REQUESTS_PER_SECOND: '0',
      REFRESH_POLICY: 'on-demand',
      AUTH_JWT_ISSUER: issuer.url,
      AUTH_JWT_AUDIENCE: issuer.audience,
      STITCH_MONEY_ISSUER: sandbox.stitchMoney.url,
      STITCH_MONEY_CLIENT_ID: sandbox.stitchMoney.clientId,
      STITCH_MONEY_CLIENT_SECRET: sandbox.stitchMoney.clientSecret,
      STITCH_CONNECT_API_URL: sandbox.stitchConnect.url,
      STITCH_CONNECT_APP_URL: sandbox.stitchConnect.url,
      STITCH_CONNECT_PARTNER_ID: sandbox.stitchConnect.partnerId,
      STITCH_CONNECT_PARTNER_SECRET: sandbox.stitchConnect.partnerSecret,
    }),
  );
  const token = await issuer.token(key, {
    sub: 'svc',
    exp: Math.floor(Date.now() / 1000) + 86_400,
  });
  const answer = await fetch(`${vault.internalUrl}/openapi.json`);
  return {
    vault,
    description: (await answer.json()) as ApiDescription,
    credentials: [apiKey, token],
    failures: () =>
      eventsOf(vault)
        .filter(({ event, level }) => UNFORESEEN.includes(String(event)) || Number(level) >= 50)
        .map((line) => JSON.stringify(line)),
    close: async () => {
      await cleanUp();
      await issuer.close();
      await sandbox.close();
      await database.drop();
    },
  };
}
