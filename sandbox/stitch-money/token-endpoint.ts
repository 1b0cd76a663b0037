import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { drop, hang, holdBack, malformed, strikes, unavailable } from '../common/faults.js';
import { RuleBroken, readForm, required } from '../common/form.js';
import type { Form } from '../common/form.js';
import { checkClient } from './client-authentication.js';
import type { IssuedTokens } from './grant-records.js';
import { makeIdToken } from './id-token.js';
import type { Server } from './server.js';
import type { TokenFault } from './switches.js';

/** POST /connect/token (S3): the code exchange, the refresh and tokens of the client itself, and every way they can go wrong. */
export function addTokenEndpoint(app: FastifyInstance, server: Server): void {
  app.post('/connect/token', async (request, reply) => {
    server.stats.enter();
    try {
      return await answer(server, request, reply);
    } finally {
      server.stats.leave();
    }
  });
}

/** What a call is counted as, by its grant type; any other as a code exchange. */
const CALLS: Readonly<Record<string, 'refresh' | 'client' | undefined>> = {
  refresh_token: 'refresh',
  client_credentials: 'client',
};

async function answer(server: Server, request: FastifyRequest, reply: FastifyReply) {
  const { stats, switches, random } = server;
  stats.tokenCalls += 1;
  const form = readForm(request);
  const call = CALLS[form.grant_type ?? ''] ?? 'code';
  stats[`${call}Calls`] += 1;
  if (form.refresh_token !== undefined) stats.present(form.refresh_token);
  await holdBack(switches.latencyMs, random);

  let fault: TokenFault = 'none';
  if (switches.tokenFault !== 'none' && strikes(switches, call, random)) {
    fault = switches.tokenFault;
    stats.faults += 1;
  }
  const early = instead(server, fault, reply);
  if (early) return early;
  const body = await exchange(server, form, fault);
  return (
    afterwards(fault, reply) ??
    // RFC 6749 section 5.1.
    reply.headers({ 'cache-control': 'no-store', pragma: 'no-cache' }).send(body)
  );
}

/** Faults that strike before anything is done, and so instead of it. */
function instead(server: Server, fault: TokenFault, reply: FastifyReply): FastifyReply | undefined {
  if (fault === 'hang') return hang(reply);
  if (fault === 'drop_before') return drop(reply);
  if (fault === 'malformed') return malformed(reply);
  if (fault === '500' || fault === '503' || fault === '429') {
    return unavailable(reply, Number(fault), server.switches.retryAfter);
  }
  if (fault === 'invalid_client') {
    throw new RuleBroken('invalid_client', 'the sandbox was told to refuse the client');
  }
  return undefined;
}

/** Faults that strike when the work is done: the caller can't know that it was. */
function afterwards(fault: TokenFault, reply: FastifyReply): FastifyReply | undefined {
  if (fault === 'drop_after') return drop(reply);
  if (fault === 'hang_after') return hang(reply);
  if (fault === 'malformed_after') return malformed(reply);
  return undefined;
}

async function exchange(server: Server, form: Form, fault: TokenFault): Promise<object> {
  const grantType = required(form, 'grant_type');
  switch (grantType) {
    case 'authorization_code':
      return exchangeCode(server, form, fault);
    case 'refresh_token':
      return exchangeRefresh(server, form, fault);
    case 'client_credentials':
      return issueToClient(server, form, fault);
    default:
      throw new RuleBroken(
        'unsupported_grant_type',
        'grant_type is authorization_code, refresh_token (S3) or client_credentials (P)',
      );
  }
}

async function exchangeCode(server: Server, form: Form, fault: TokenFault): Promise<object> {
  const { codes, grants, issued, switches } = server;
  const code = required(form, 'code');
  try {
    checkClient(server, form);
  } catch (error) {
    if (switches.burnCodeOnBadClient) codes.burn(code);
    throw error;
  }
  const used = codes.familyOf(code);
  if (used) {
    server.stats.codeReuseEvents += 1;
    grants.revoke(used);
  }
  issued.add('code_verifier', form.code_verifier);
  // A parameter left out is a bad attempt too, and burns the code.
  const { request, scope, sub, authTime } = codes.take(
    code,
    form.redirect_uri ?? '',
    form.code_verifier ?? '',
  );
  const tokens = grants.start({ clientId: request.clientId, scope, sub, authTime });
  codes.remember(code, tokens.family);
  const { nonce, state } = request;
  return present(server, tokens, fault, await idToken(server, tokens, { nonce, state }));
}

async function exchangeRefresh(server: Server, form: Form, fault: TokenFault): Promise<object> {
  checkClient(server, form);
  const tokens = server.grants.refresh(
    required(form, 'refresh_token'),
    fault !== 'no_refresh_token',
  );
  const withIdToken = server.switches.idTokenOnRefresh;
  return present(
    server,
    tokens,
    fault,
    withIdToken ? await idToken(server, tokens, {}) : undefined,
  );
}

/** RFC 6749 section 4.4; the scopes of the client itself begin with `client_` (P). */
function issueToClient(server: Server, form: Form, fault: TokenFault): object {
  checkClient(server, form);
  const scope = required(form, 'scope').split(' ');
  if (!scope.every((each) => /^client_[a-z]+$/.test(each))) {
    throw new RuleBroken('invalid_scope', 'the scopes of the client begin with client_ (P)');
  }
  if (required(form, 'audience') !== `${server.issuer()}/connect/token`) {
    throw new RuleBroken('invalid_request', 'audience is the token endpoint (P)');
  }
  const authTime = Math.floor(server.now() / 1000);
  const { clientId, grants } = server;
  const tokens = grants.start({ clientId, scope, sub: `client/${clientId}`, authTime });
  return present(server, tokens, fault, undefined);
}

async function idToken(
  server: Server,
  { family, accessToken }: IssuedTokens,
  asked: { nonce?: string; state?: string },
): Promise<string | undefined> {
  const { idTokenFault } = server.switches;
  if (idTokenFault === 'missing') return undefined;
  const issuedAt = Math.floor(server.now() / 1000);
  const facts = { issuer: server.issuer(), family, accessToken, issuedAt, ...asked };
  return server.issued.add('id_token', await makeIdToken(facts, idTokenFault));
}

/** The members of the answer in S3, in its order, less or other than that as the fault has it. */
function present(
  server: Server,
  tokens: IssuedTokens,
  fault: TokenFault,
  idToken: string | undefined,
): object {
  return {
    id_token: idToken,
    access_token: tokens.accessToken,
    expires_in: fault === 'no_expires_in' ? undefined : tokens.expiresIn,
    token_type: 'Bearer',
    refresh_token: fault === 'no_refresh_token' ? undefined : tokens.refreshToken,
    scope: fault === 'no_scope' ? undefined : tokens.family.scope.join(' '),
    ...(fault === 'odd_members' && server.switches.oddMembers),
  };
}
