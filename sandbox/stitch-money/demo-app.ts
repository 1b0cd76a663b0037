import type { FastifyInstance } from 'fastify';
import { html, page, sendPage } from '../common/html.js';

/** Where it is; the vault of `npm start` allows its origin in `return_to`. */
const DEMO_APP_PATH = '/_sandbox/app';

/** GET /_sandbox/app: stands for the app to which a browser returns after a link. */
export function addDemoApp(app: FastifyInstance): void {
  app.get(DEMO_APP_PATH, (request, reply) => {
    const { authorization_request: id = '', status = '' } = request.query as Record<string, string>;
    const body = html`<h1>Your app</h1>
      <p>This page stands for the page of your app that <code>return_to</code> names.</p>
      <table>
        <tr>
          <th><code>authorization_request</code></th>
          <td><code>${id}</code></td>
        </tr>
        <tr>
          <th><code>status</code></th>
          <td><code>${status}</code></td>
        </tr>
      </table>
      <p>Anybody can type such a URL: ask the vault how the request ended.</p>`;
    return sendPage(reply, 200, page('Your app', body));
  });
}
