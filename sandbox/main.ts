/**
 * `npm run sandbox`: both Stitch systems on their own, for developing against. Settings:
 * SANDBOX_STITCH_MONEY_PORT (4001), SANDBOX_STITCH_CONNECT_PORT (4002), SANDBOX_REDIRECT_URIS
 * (comma-separated), SANDBOX_TOKEN_LIFETIME (seconds).
 */
import { startSandbox } from './index.js';

/** The number in a variable. @throws Error naming it */
function numberFrom(name: string, fallback: number): number {
  const text = process.env[name] ?? '';
  const value = text === '' ? fallback : Number(text);
  if (!Number.isInteger(value) || value < 0) throw new Error(`${name} is a whole number.`);
  return value;
}

async function main(): Promise<void> {
  const uris = (process.env.SANDBOX_REDIRECT_URIS ?? '').split(',').filter((uri) => uri !== '');
  const redirectUris = uris.length > 0 ? uris : undefined;
  const forConnect = (uri: string) => uri.endsWith('/stitch-connect');
  const sandbox = await startSandbox({
    recordIssued: false,
    stitchMoney: {
      port: numberFrom('SANDBOX_STITCH_MONEY_PORT', 4001),
      redirectUris,
      switches: { tokenLifetime: numberFrom('SANDBOX_TOKEN_LIFETIME', 900) },
    },
    stitchConnect: {
      port: numberFrom('SANDBOX_STITCH_CONNECT_PORT', 4002),
      // The first one counts when a request names none, so its own addresses come first.
      redirectUris: redirectUris?.toSorted((a, b) => Number(forConnect(b)) - Number(forConnect(a))),
    },
  });
  const { stitchMoney, stitchConnect } = sandbox;
  console.log(`
stitch.money    ${stitchMoney.url}
  STITCH_MONEY_ISSUER=${stitchMoney.url}
  STITCH_MONEY_JWKS_URI=${stitchMoney.url}/connect/jwks
  STITCH_MONEY_CLIENT_ID=${stitchMoney.clientId}
  STITCH_MONEY_CLIENT_SECRET=${stitchMoney.clientSecret}

stitchdata.com  ${stitchConnect.url}
  STITCH_CONNECT_API_URL=${stitchConnect.url}
  STITCH_CONNECT_APP_URL=${stitchConnect.url}
  STITCH_CONNECT_PARTNER_ID=${stitchConnect.partnerId}
  STITCH_CONNECT_PARTNER_SECRET=${stitchConnect.partnerSecret}

Each has a page with its switches at /. Ctrl-C stops both.`);
  const stop = () => void sandbox.close().then(() => process.exit(0));
  process.once('SIGINT', stop).once('SIGTERM', stop);
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
