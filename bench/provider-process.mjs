/**
 * The provider of the rotations, a process of its own and the same for both sides: a token endpoint that
 * answers each refresh token once. It does little, so that it is not what is measured; it says how busy it was.
 * Takes a line of JSON on stdin, answers with one on stdout, and again: `{latencyMs}` has it listen,
 * `{answers}` waits until it has answered so many from then on, with `goOn` from where it last began to count.
 */
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { performance } from 'node:perf_hooks';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers';
import { URLSearchParams } from 'node:url';

const SCOPE = 'openid accounts balances transactions offline_access';

const presented = new Set();
let latency = 0;
let repeated = 0;
let answered = 0;
let inFlight = 0;
let highest = 0;
let first;
let last;
let awaited = Infinity;
let reached = () => undefined;

function answer(response, token) {
  inFlight -= 1;
  if (presented.has(token)) {
    repeated += 1;
    response.writeHead(400, { 'content-type': 'application/json' });
    response.end('{"error":"invalid_grant"}');
    return;
  }
  presented.add(token);
  const random = randomBytes(64).toString('base64url');
  const tokens = {
    access_token: random.slice(0, 43),
    refresh_token: random.slice(43),
    token_type: 'Bearer',
    expires_in: 900,
    scope: SCOPE,
  };
  response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-store' });
  response.end(JSON.stringify(tokens));
  answered += 1;
  last = performance.now();
  first ??= last;
  if (answered >= awaited) reached();
}

const server = createServer((request, response) => {
  let form = '';
  inFlight += 1;
  highest = Math.max(highest, inFlight);
  request.setEncoding('latin1');
  request.on('data', (part) => (form += part));
  request.on('end', () => {
    const token = new URLSearchParams(form).get('refresh_token');
    if (latency === 0) answer(response, token);
    else setTimeout(answer, latency, response, token);
  });
});

async function listen() {
  if (!server.listening) {
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  }
  return { url: `http://127.0.0.1:${server.address().port}/connect/token`, pid: process.pid };
}

/** From the next answer to the last. */
async function until(answers, goOn) {
  if (!goOn) answered = 0;
  const before = answered;
  first = undefined;
  highest = inFlight;
  await new Promise((resolve) => {
    reached = resolve;
    awaited = answers;
    if (answered >= awaited) reached();
  });
  awaited = Infinity;
  return { count: answers - before, seconds: (last - first) / 1000, highest, repeated };
}

for await (const line of createInterface({ input: process.stdin })) {
  const { latencyMs, answers, goOn } = JSON.parse(line);
  if (latencyMs !== undefined) latency = latencyMs;
  const result = await (answers === undefined ? listen() : until(answers, goOn));
  process.stdout.write(`${JSON.stringify(result)}\n`);
}
process.exit();
