import type { FastifyInstance } from 'fastify';
import { html, page, sendPage, sendRefusal } from '../common/html.js';
import type { Markup } from '../common/html.js';
import type { Server } from './server.js';

/** GET /account and its buttons: where "the user" revokes a token or enables it again (S2, P). */
export function addAccountPage(app: FastifyInstance, server: Server): void {
  app.get('/account', (_request, reply) => sendPage(reply, 200, accountPage(server)));

  app.post('/account', (request, reply) => {
    const form = new Map(Object.entries(request.body ?? {}));
    const record = [...server.accounts.tokens.values()].find(({ id }) => id === form.get('token'));
    const done = server.accounts.setRevoked(record, form.get('action') === 'revoke');
    return done ? reply.redirect('/account', 303) : sendRefusal(reply, 'there is no such token');
  });
}

function accountPage({ accounts }: Server): Markup {
  const emails = new Map(
    [...accounts.byEmail.values()].map((one) => [one.stitchAccountId, one.email]),
  );
  const rows = [...accounts.tokens.values()].map((token) => {
    const [action, label] = token.revoked ? ['enable', 'Enable again'] : ['revoke', 'Revoke'];
    const email = emails.get(token.stitchAccountId) ?? '';
    return html`<tr>
      <td>${email} <small>(${token.stitchAccountId})</small></td>
      <td>${new Date(token.createdAt).toISOString()}</td>
      <td>${token.revoked ? 'revoked' : 'good'}</td>
      <td>
        <form method="post" action="/account">
          <input type="hidden" name="token" value="${token.id}" />
          <button name="action" value="${action}">${label}</button>
        </form>
      </td>
    </tr>`;
  });
  const table = html`<table>
    <thead>
      <tr>
        <th scope="col">Account</th>
        <th scope="col">Token made at</th>
        <th scope="col">It is</th>
        <th scope="col">Change</th>
      </tr>
    </thead>
    <tbody>
      ${rows}
    </tbody>
  </table>`;
  const content = rows.length > 0 ? table : html`<p>None yet.</p>`;
  return page(
    'API access tokens',
    html`<h1>API access tokens</h1>
      ${content}`,
  );
}

/** GET /: what this server is, where things are, and how to make it misbehave. */
export function addHomePage(app: FastifyInstance, server: Server): void {
  app.get('/', (_request, reply) => {
    const example = `curl -X POST ${server.url()}/_sandbox/switches -H 'content-type: application/json' -d '{"fault":"500","faultOn":"token"}'`;
    const body = html`<h1>stitchdata.com, in a sandbox</h1>
      <p>Partner <code>${server.partnerId}</code>, registered redirect addresses:</p>
      <ul>
        ${server.redirectUris.map((uri) => html`<li><code>${uri}</code></li>`)}
      </ul>
      <p>
        Its <a href="/account">tokens</a>, <a href="/_sandbox/stats">counts</a> and
        <a href="/_sandbox/switches">switches</a>. To turn one, for example:
      </p>
      <p><code>${example}</code></p>`;
    return sendPage(reply, 200, page('stitchdata.com sandbox', body));
  });
}
