import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import { VaultClient, VaultError } from '../../clients/typescript/src/index.js';
import type { Token } from '../../clients/typescript/src/index.js';
import type { World } from '../support/world.js';

/** The stitch.money API of the sandbox, which answers 401 to a token that is not good. */
export const apiOf = ({ sandbox }: World): string => `${sandbox.url}/graphql`;

export const clientOf = ({ vault, key }: World): VaultClient =>
  new VaultClient({ url: vault.internalUrl, key });

/** Ends an access token at the provider, before its time and unknown to the vault (RFC 7009). */
export async function endEarly({ sandbox }: World, { accessToken }: Token): Promise<void> {
  const answer = await fetch(`${sandbox.url}/connect/revocation`, {
    method: 'POST',
    body: new URLSearchParams({
      client_id: sandbox.clientId,
      client_secret: sandbox.clientSecret,
      token: accessToken,
    }),
  });
  expect(answer.status).toBe(200);
  expect(sandbox.isLive(accessToken)).toBe(false);
}

/** What a call threw; a test fails when it threw nothing, or no VaultError. */
export async function refusal(call: Promise<unknown>): Promise<VaultError> {
  const error: unknown = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(VaultError);
  return error as VaultError;
}

/** Every way in which an error ends up in a log. */
export const everyTextOf = (error: Error): string =>
  [
    error.message,
    error.stack,
    String(error.cause),
    JSON.stringify(error),
    inspect(error, { depth: 10, showHidden: true }),
  ].join('\n');

/** A server that answers as told, and what it was asked. */
export interface FakeServer {
  readonly url: string;
  readonly requests: { method: string; url: string; headers: IncomingMessage['headers'] }[];
  close(): Promise<void>;
}

const serving = new Set<FakeServer>();

export async function serve(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<FakeServer> {
  const requests: FakeServer['requests'] = [];
  const server = createServer((request, response) => {
    const { method = '', url = '', headers } = request;
    requests.push({ method, url, headers });
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const fake = {
    url: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`,
    requests,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
  serving.add(fake);
  return fake;
}

/** Closes what a test served, also when it failed before it could: for `afterEach`. */
export async function closeServers(kept?: FakeServer): Promise<void> {
  const servers = [...serving].filter((each) => each !== kept);
  for (const each of servers) serving.delete(each);
  await Promise.all(servers.map((each) => each.close()));
}

/** An API that reads the whole request, then answers 401 to a token that is not good. */
export async function guardedApi({ sandbox }: World): Promise<FakeServer & { bodies: string[] }> {
  const bodies: string[] = [];
  const server = await serve((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      bodies.push(Buffer.concat(chunks).toString());
      const [, token = ''] = /^Bearer (.+)$/.exec(request.headers.authorization ?? '') ?? [];
      response.writeHead(sandbox.isLive(token) ? 200 : 401).end();
    });
  });
  return { ...server, bodies };
}
