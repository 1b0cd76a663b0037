import { createHash, randomUUID } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { RuleBroken, readQuery } from '../common/form.js';
import { sendPage, sendRefusal } from '../common/html.js';
import { randomToken } from '../common/secrets.js';
import { checkAuthorizationRequest } from './authorization-request.js';
import type { AuthorizationRequest } from './authorization-request.js';
import { BANKS, DEFAULT_CUSTOMER, consentPage } from './consent-page.js';
import type { Server } from './server.js';

/** A consent page that no one answers is forgotten after a quarter of an hour. */
const PAGE_LIFETIME_MS = 900_000;

interface Waiting {
  readonly request: AuthorizationRequest;
  readonly expiresAt: number;
}

/** GET and POST /connect/authorize: the page, the user's decision, the redirect (S3). */
export function addAuthorize(app: FastifyInstance, server: Server): void {
  const waiting = new Map<string, Waiting>();

  app.get('/connect/authorize', (request, reply) => {
    try {
      const asked = checkAuthorizationRequest(readQuery(request), server);
      server.issued.add('state', asked.state);
      server.issued.add('nonce', asked.nonce);
      const id = randomUUID();
      waiting.set(id, { request: asked, expiresAt: server.now() + PAGE_LIFETIME_MS });
      return sendPage(reply, 200, consentPage(server.appName, id, asked));
    } catch (error) {
      if (!(error instanceof RuleBroken)) throw error;
      return sendRefusal(reply.header('x-sandbox-rule', error.rule), error.rule);
    }
  });

  app.post('/connect/authorize', (request, reply) => {
    const form = new Map(Object.entries(request.body ?? {}));
    const id = String(form.get('request'));
    const found = waiting.get(id);
    waiting.delete(id);
    if (!found || server.now() >= found.expiresAt) {
      return sendRefusal(reply, 'a consent page can be answered once, within 15 minutes');
    }
    const target = decide(server, found.request, form);
    return target === undefined
      ? sendRefusal(reply, 'the decision is grant or cancel, with a bank that is on the list')
      : reply.code(303).header('cache-control', 'no-store').redirect(target, 303);
  });
}

/** Where the browser goes next; undefined when the form is not one of ours. */
function decide(
  server: Server,
  request: AuthorizationRequest,
  form: ReadonlyMap<string, unknown>,
): string | undefined {
  const back = new URL(request.redirectUri);
  if (form.get('decision') === 'cancel') {
    const { cancelError } = server.switches;
    if (cancelError !== null) back.searchParams.set('error', cancelError);
    // S3: cancelled or failed, "the response will include only the state parameter".
    back.searchParams.set('state', request.state);
    return back.href;
  }
  const bank = String(form.get('bank'));
  if (form.get('decision') !== 'grant' || !Object.hasOwn(BANKS, bank)) return undefined;
  const ticked = new Set(['openid', [form.get('scope') ?? []].flat()].flat());
  const scope = request.scope.filter((one) => ticked.has(one));
  const typed = form.get('customer');
  const customer = typeof typed === 'string' ? typed : DEFAULT_CUSTOMER;
  const sub = `user/${request.clientId}/${bank}/${personId(bank, customer)}`;
  const authTime = Math.floor(server.now() / 1000);
  const code = server.issued.add('code', server.codes.issue({ request, scope, sub, authTime }));
  back.searchParams.set('code', code);
  back.searchParams.set('scope', scope.join(' '));
  back.searchParams.set('state', request.state);
  back.searchParams.set('session_state', `${randomToken()}.${randomToken()}`);
  return back.href;
}

/** The same person at the same bank is the same uuid, also after a restart (RFC 9562, version 8). */
function personId(bank: string, customer: string): string {
  const hex = createHash('sha256').update(`${bank}\n${customer}`).digest('hex');
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    `8${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ].join('-');
}
