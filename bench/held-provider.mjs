/**
 * The provider of `held`: it writes into each refresh token whose it is, how often it was renewed, and when
 * its access token ends. So it can say of millions of grants how much life each had left when it was renewed.
 * Takes a line of JSON on stdin, answers with one on stdout, and again: `{grants, lifetimeMs}` has it listen,
 * `{report}` has it say what it saw since the last report.
 */
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { URLSearchParams } from 'node:url';

const SCOPE = 'openid accounts balances transactions offline_access';
/** A token has as many characters as those of real providers. */
const LENGTH = 43;

/** By the number of the grant: how often it was renewed, and when its access token ends. */
let renewals;
let ends;
let lifetime = 0;
let seen = { refreshes: 0, late: 0, repeated: 0, leastLeftMs: Infinity };

function refuse(response) {
  response.writeHead(400, { 'content-type': 'application/json' });
  response.end('{"error":"invalid_grant"}');
}

function answer(response, token) {
  const [grant, renewal, end] = String(token).split('.').map(Number);
  const now = Date.now();
  if (renewals[grant] !== renewal) {
    seen.repeated += 1;
    refuse(response);
    return;
  }
  const left = end - now;
  seen.refreshes += 1;
  if (left < 0) seen.late += 1;
  seen.leastLeftMs = Math.min(seen.leastLeftMs, left);
  renewals[grant] += 1;
  ends[grant] = now + lifetime;
  const name = `${String(grant)}.${String(renewal + 1)}.${String(ends[grant])}.`;
  const tokens = {
    access_token: `a${name}`.padEnd(LENGTH, 'x'),
    refresh_token: name.padEnd(LENGTH, 'x'),
    token_type: 'Bearer',
    expires_in: lifetime / 1000,
    scope: SCOPE,
  };
  response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-store' });
  response.end(JSON.stringify(tokens));
}

const server = createServer((request, response) => {
  let form = '';
  request.setEncoding('latin1');
  request.on('data', (part) => (form += part));
  request.on('end', () => {
    answer(response, new URLSearchParams(form).get('refresh_token'));
  });
});

async function listen(grants, lifetimeMs) {
  renewals = new Uint32Array(grants);
  ends = new Float64Array(grants);
  lifetime = lifetimeMs;
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${server.address().port}/connect/token`, pid: process.pid };
}

function report() {
  const now = Date.now();
  const said = {
    ...seen,
    // Nothing was renewed: there is no least of nothing, and JSON has no infinity.
    leastLeftMs: Number.isFinite(seen.leastLeftMs) ? seen.leastLeftMs : null,
    // A grant that was not renewed yet has the end that its import says.
    expired: ends.reduce((sum, end) => sum + (end > 0 && end < now ? 1 : 0), 0),
    neverRenewed: renewals.reduce((sum, count) => sum + (count === 0 ? 1 : 0), 0),
  };
  seen = { refreshes: 0, late: 0, repeated: 0, leastLeftMs: Infinity };
  return said;
}

for await (const line of createInterface({ input: process.stdin })) {
  const { grants, lifetimeMs } = JSON.parse(line);
  const result = grants === undefined ? report() : await listen(grants, lifetimeMs);
  process.stdout.write(`${JSON.stringify(result)}\n`);
}
process.exit();
