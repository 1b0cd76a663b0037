import { createHash, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { AcmeConfig } from './provider.js';

/** Seconds an access token lives. */
const ACME_LIFETIME = 300;

/** A running "Acme Ledger": it consents to everything, and rotates strictly. */
export interface AcmeServer extends AcmeConfig {
  readonly stats: { codes: number; refreshes: number; reuses: number };
  isLive(accessToken: string): boolean;
  close(): Promise<void>;
}

const random = () => randomBytes(24).toString('base64url');

/** Starts it on 127.0.0.1. */
export async function startAcme(): Promise<AcmeServer> {
  const clientId = 'vault-at-acme';
  const clientSecret = random();
  const basic = `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}`;
  const stats = { codes: 0, refreshes: 0, reuses: 0 };
  const codes = new Map<string, { challenge: string; scope: string; redirectUri: string }>();
  /** Refresh token → scope; taken out when it is used. */
  const refreshTokens = new Map<string, string>();
  const live = new Set<string>();

  const issue = (scope: string) => {
    const answer = { access_token: random(), refresh_token: random(), scope };
    live.add(answer.access_token);
    refreshTokens.set(answer.refresh_token, scope);
    return { ...answer, token_type: 'bearer', expires_in: ACME_LIFETIME };
  };
  const exchange = (form: URLSearchParams) => {
    stats.codes += 1;
    const code = form.get('code') ?? '';
    const asked = codes.get(code);
    codes.delete(code);
    const verifier = form.get('code_verifier') ?? '';
    const challenge = createHash('sha256').update(verifier).digest('base64url');
    const fits = asked?.challenge === challenge && asked.redirectUri === form.get('redirect_uri');
    return fits ? issue(asked.scope) : undefined;
  };
  const refresh = (form: URLSearchParams) => {
    stats.refreshes += 1;
    const token = form.get('refresh_token') ?? '';
    const scope = refreshTokens.get(token);
    refreshTokens.delete(token);
    if (scope === undefined) stats.reuses += 1;
    return scope === undefined ? undefined : issue(scope);
  };
  const authorize = (query: URLSearchParams) => {
    const code = random();
    const redirectUri = query.get('redirect_uri') ?? '';
    const challenge = query.get('code_challenge') ?? '';
    codes.set(code, { challenge, scope: query.get('scope') ?? '', redirectUri });
    const back = new URL(redirectUri);
    back.searchParams.set('code', code);
    back.searchParams.set('state', query.get('state') ?? '');
    return back.href;
  };

  const serve = async (request: IncomingMessage, response: ServerResponse) => {
    const url = new URL(request.url ?? '/', 'http://acme');
    if (url.pathname === '/authorize') {
      response.writeHead(302, { location: authorize(url.searchParams) }).end();
      return;
    }
    const json = (status: number, body: object) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    if (request.headers.authorization !== basic) {
      json(401, { error: 'invalid_client' });
      return;
    }
    const form = new URLSearchParams(await text(request));
    const answer = form.get('grant_type') === 'refresh_token' ? refresh(form) : exchange(form);
    json(answer ? 200 : 400, answer ?? { error: 'invalid_grant' });
  };
  const server = createServer((request, response) => void serve(request, response));
  server.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    ...{ clientId, clientSecret, stats },
    isLive: (accessToken) => live.has(accessToken),
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
