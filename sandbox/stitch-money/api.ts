import type { FastifyInstance } from 'fastify';
import { holdBack, unavailable } from '../common/faults.js';
import { bearerOf, readForm, required } from '../common/form.js';
import { checkClient } from './client-authentication.js';
import { publishedKeys } from './id-token.js';
import type { Server } from './server.js';

/** POST /connect/revocation (P, RFC 7009): 200 and empty, also for a token no one knows. */
export function addRevocation(app: FastifyInstance, server: Server): void {
  app.post('/connect/revocation', async (request, reply) => {
    const { switches, stats, grants } = server;
    stats.revocationCalls += 1;
    const form = readForm(request);
    await holdBack(switches.latencyMs, server.random);
    if (switches.revocationFault === '500') return unavailable(reply, 500, switches.retryAfter);
    checkClient(server, form);
    grants.revokeToken(required(form, 'token'));
    return reply.code(200).send();
  });
}

/** POST /graphql: what a bearer token is for; 401 once it is not good any more (S3, P). */
export function addGraphql(app: FastifyInstance, server: Server): void {
  app.post('/graphql', async (request, reply) => {
    server.stats.apiCalls += 1;
    await holdBack(server.switches.latencyMs, server.random);
    const token = bearerOf(request);
    const family = token === undefined ? undefined : server.grants.familyOf(token);
    if (!family) {
      return reply.code(401).send({
        errors: [{ message: 'UNAUTHENTICATED: the token is missing, unknown or expired' }],
        extensions: { code: 'UNAUTHENTICATED' },
      });
    }
    return { data: { user: { __typename: 'User', id: family.sub, bankAccounts } } };
  });
}

const bankAccounts = [
  { name: 'Cheque account', accountType: 'current', currency: 'ZAR', balance: '12450.75' },
  { name: 'Savings account', accountType: 'savings', currency: 'ZAR', balance: '80000.00' },
];

/** The key set, and OpenID Connect Discovery 1.0 section 4. */
export function addDiscovery(app: FastifyInstance, server: Server): void {
  app.get('/connect/jwks', () => publishedKeys());
  app.get('/.well-known/openid-configuration', () => {
    const issuer = server.issuer();
    return {
      issuer,
      authorization_endpoint: `${issuer}/connect/authorize`,
      token_endpoint: `${issuer}/connect/token`,
      revocation_endpoint: `${issuer}/connect/revocation`,
      jwks_uri: `${issuer}/connect/jwks`,
      response_types_supported: ['code'],
      response_modes_supported: ['query'],
      grant_types_supported: ['authorization_code', 'refresh_token'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: ['RS256'],
      token_endpoint_auth_methods_supported: ['client_secret_post'],
      revocation_endpoint_auth_methods_supported: ['client_secret_post'],
      code_challenge_methods_supported: ['S256'],
      scopes_supported: [
        'openid',
        'accounts',
        'transactions',
        'balances',
        'accountholders',
        'offline_access',
      ],
    };
  });
}
