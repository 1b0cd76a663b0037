import type { FastifyInstance } from 'fastify';
import { RuleBroken, bearerOf, readForm, required } from '../common/form.js';
import { isOneOf } from '../common/secrets.js';
import { checkNewAccount } from './new-account.js';
import { withFaults } from './server.js';
import type { Server } from './server.js';

/** The calls that apps make: S0, S2, and P for what these leave open. */
export function addApi(app: FastifyInstance, server: Server): void {
  addAccounts(app, server);
  addToken(app, server);
  addAuthenticated(app, server);
}

/** POST /v3/accounts (S0): an account for a new e-mail address, and its token. */
function addAccounts(app: FastifyInstance, server: Server): void {
  app.post('/v3/accounts', (request, reply) =>
    withFaults(server, 'accounts', reply, () => {
      const { accounts } = server;
      const checked = checkNewAccount(request, server);
      if ('errors' in checked) {
        const message = 'Invalid form data.';
        return { status: 400, body: { code: 'BadRequest', message, errors: checked.errors } };
      }
      if (accounts.find(checked.person.email)) {
        const message = 'A user with this email already exists.';
        return { status: 400, body: { code: 'ExistingUser', message } };
      }
      const { stitchAccountId } = accounts.create(checked.person);
      const access_token = accounts.issueToken({ stitchAccountId });
      return { body: { access_token, stitch_account_id: stitchAccountId } };
    }),
  );
}

/** POST /oauth/token (S0): a code for a permanent token. Its error body is not documented (I). */
function addToken(app: FastifyInstance, server: Server): void {
  app.post('/oauth/token', (request, reply) =>
    withFaults(server, 'token', reply, () => {
      const form = readForm(request);
      if (!isOneOf(required(form, 'client_secret'), server.partnerSecrets)) {
        throw new RuleBroken('invalid_client', 'client_secret is the partner secret (S0)');
      }
      if (required(form, 'grant_type') !== 'authorization_code') {
        throw new RuleBroken('unsupported_grant_type', 'grant_type is authorization_code (S0)');
      }
      const { stitchAccountId } = server.accounts.takeCode(required(form, 'code'));
      const access_token = server.accounts.issueToken({ stitchAccountId });
      return { body: { token_type: 'bearer', access_token, stitch_account_id: stitchAccountId } };
    }),
  );
}

/** The calls that need a bearer; without a good one they fail (S2), with 401. */
function addAuthenticated(app: FastifyInstance, server: Server): void {
  app.get('/v4/sources', (request, reply) =>
    withFaults(server, 'sources', reply, () =>
      server.accounts.live(bearerOf(request)) ? { body: [] } : unauthorized,
    ),
  );
  // S1 shows `-X POST` for this call; there is no such method.
  app.post('/v4/sources', (_request, reply) => reply.code(405).header('allow', 'GET').send());
  app.post('/v3/sessions/ephemeral', (request, reply) =>
    withFaults(server, 'sessions', reply, () =>
      server.accounts.live(bearerOf(request))
        ? { body: { ephemeral_token: server.accounts.issueEphemeral() } }
        : unauthorized,
    ),
  );
}

/** The body is not documented: whoever reads it decides by the status. */
const unauthorized = { status: 401, body: { code: 'Unauthorized', message: 'Unauthorized' } };
