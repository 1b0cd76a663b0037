import { Injectable } from '@nestjs/common';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { CONNECTION, PROVIDER, USER_ID } from '../common/index.js';
import { AuditLog } from './audit-log.js';

/** The codes of a denied access; what a grant lacks (`insufficient_scope`) is the read's outcome. */
const DENIED: ReadonlySet<string | undefined> = new Set(['unauthorized', 'forbidden']);

/** Notes every denied access, on whichever route. */
@Injectable()
export class AuditTrail {
  constructor(private readonly audit: AuditLog) {}

  attach(instance: FastifyInstance): void {
    instance.addHook('onResponse', (request, _reply, done) => {
      if (DENIED.has(request.problemCode)) this.denied(request);
      done();
    });
  }

  private denied(request: FastifyRequest): void {
    const client = request.caller?.name ?? null;
    // A stranger may name whom they like: only what a client asked for is kept.
    const named = client === null ? NOBODY : grantOf(request);
    const outcome = request.problemCode ?? '';
    this.audit.note(
      { type: 'access.denied', client, ...named, version: null, outcome },
      request.id,
    );
  }
}

const NOBODY = { provider: null, userId: null, connection: null };

/** What a request names, as far as it is well-formed: it was refused before that was looked at. */
function grantOf({ params, query }: FastifyRequest): typeof NOBODY {
  const pick = (from: unknown, name: string, pattern: RegExp) => {
    const value = (from as Record<string, unknown> | null | undefined)?.[name];
    return typeof value === 'string' && pattern.test(value) ? value : null;
  };
  return {
    userId: pick(params, 'user_id', USER_ID),
    provider: pick(params, 'provider', PROVIDER) ?? pick(query, 'provider', PROVIDER),
    connection: pick(query, 'connection', CONNECTION),
  } as typeof NOBODY;
}
