import type { FastifyInstance } from 'fastify';
import { html, page, sendPage } from '../common/html.js';
import type { Server } from './server.js';

/** GET /: what this server is, where things are, and how to make it misbehave. */
export function addHomePage(app: FastifyInstance, server: Server): void {
  app.get('/', (_request, reply) => {
    const url = server.issuer();
    const example = `curl -X POST ${url}/_sandbox/switches -H 'content-type: application/json' -d '{"tokenFault":"503","faultCount":3}'`;
    const body = html`<h1>stitch.money, in a sandbox</h1>
      <p>Client <code>${server.clientId}</code>, registered redirect addresses:</p>
      <ul>
        ${server.redirectUris.map((uri) => html`<li><code>${uri}</code></li>`)}
      </ul>
      <p>
        Its <a href="/.well-known/openid-configuration">configuration</a>,
        <a href="/connect/jwks">keys</a>, <a href="/_sandbox/stats">counts</a> and
        <a href="/_sandbox/switches">switches</a>. To turn one, for example:
      </p>
      <p><code>${example}</code></p>`;
    return sendPage(reply, 200, page('stitch.money sandbox', body));
  });
}
