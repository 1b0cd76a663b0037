import { randomUUID } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { RuleBroken, readQuery, required } from '../common/form.js';
import type { Form } from '../common/form.js';
import { html, page, sendPage, sendRefusal } from '../common/html.js';
import type { Markup } from '../common/html.js';
import type { Person } from './accounts.js';
import type { Server } from './server.js';

/** A page that no one answers is forgotten after a quarter of an hour. */
const PAGE_LIFETIME_MS = 900_000;

const FIELDS = {
  email: 'E-mail',
  first_name: 'First name',
  last_name: 'Last name',
  company: 'Company',
} as const;

/**
 * GET and POST /oauth/authorization (S0, S1). Its form fields, for scripts: `request` (hidden),
 * `email`, `first_name`, `last_name`, `company`, `decision` (`accept` or `deny`).
 *
 * No `state` is documented, so whatever is sent is dropped and never comes back.
 */
export function addAuthorization(app: FastifyInstance, server: Server): void {
  const waiting = new Map<string, { redirectUri: string; expiresAt: number }>();

  app.get('/oauth/authorization', (request, reply) => {
    try {
      const query = readQuery(request);
      const redirectUri = checkRequest(server, query);
      const id = randomUUID();
      waiting.set(id, { redirectUri, expiresAt: server.now() + PAGE_LIFETIME_MS });
      return sendPage(reply, 200, consentPage(server.appName, id, query));
    } catch (error) {
      if (!(error instanceof RuleBroken)) throw error;
      return sendRefusal(reply.header('x-sandbox-rule', error.rule), error.rule);
    }
  });

  app.post('/oauth/authorization', (request, reply) => {
    const form = new Map(Object.entries(request.body ?? {}));
    const id = String(form.get('request'));
    const found = waiting.get(id);
    waiting.delete(id);
    if (!found || server.now() >= found.expiresAt) {
      return sendRefusal(reply, 'a consent page can be answered once, within 15 minutes');
    }
    const back = new URL(found.redirectUri);
    if (form.get('decision') === 'accept') {
      const person = personOf(form);
      if (!person.email.includes('@'))
        return sendRefusal(reply, 'an account has an e-mail address');
      const { accounts } = server;
      const account = accounts.find(person.email) ?? accounts.create(person);
      back.searchParams.set('code', accounts.issueCode(account));
    } else {
      back.searchParams.set('error', 'access_denied');
    }
    return reply.header('cache-control', 'no-store').redirect(back.href, 303);
  });
}

/** Where the answer goes: the address asked for if registered, else the first one (S1). */
function checkRequest(server: Server, query: Form): string {
  if (required(query, 'client_id') !== server.partnerId) {
    throw new RuleBroken('invalid_request', 'client_id is the partner id (S1)');
  }
  const redirectUri = query.redirect_uri ?? server.redirectUris[0];
  if (redirectUri === undefined || !server.redirectUris.includes(redirectUri)) {
    throw new RuleBroken('invalid_request', 'redirect_uri is one of those registered (S1)');
  }
  return redirectUri;
}

function personOf(form: ReadonlyMap<string, unknown>): Person {
  const text = (name: string) => {
    const value = form.get(name);
    return typeof value === 'string' ? value.trim() : '';
  };
  return {
    email: text('email'),
    first_name: text('first_name'),
    last_name: text('last_name'),
    company: text('company'),
  };
}

function consentPage(appName: string, id: string, query: Form): Markup {
  const title = `${appName} asks for access to your Stitch account`;
  const fields = Object.entries(FIELDS).map(([name, label]) => {
    const type = name === 'email' ? 'email' : 'text';
    const value = query[name] ?? (name === 'email' ? 'demo@example.com' : '');
    return html`<label
      >${label}
      <input type="${type}" name="${name}" value="${value}" maxlength="200" />
    </label>`;
  });
  const body = html`<h1>${title}</h1>
    <p>It could do everything you can, until you take the access back.</p>
    <form method="post" action="/oauth/authorization">
      <input type="hidden" name="request" value="${id}" />
      <fieldset>
        <legend>Your account</legend>
        ${fields}
        <p><small>The same e-mail address is the same account.</small></p>
      </fieldset>
      <div class="actions">
        <button class="primary" name="decision" value="accept">Accept</button>
        <button name="decision" value="deny" formnovalidate>Reject</button>
      </div>
    </form>`;
  return page(title, body);
}
