import { Injectable } from '@nestjs/common';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { unauthorized } from '../common/index.js';
import { bearerOf, hashApiKey, isApiKey } from './api-key.js';
import { ClientDirectory } from './client-directory.js';
import type { Credential } from './client-index.js';

/**
 * Asks who calls before anything else of a request is looked at. A guard would be too late: Fastify
 * parses the body first, and would tell a stranger what is wrong with it.
 */
@Injectable()
export class Authentication {
  constructor(private readonly clients: ClientDirectory) {}

  /** Puts the question before every route, still to be added, that declares a scope. */
  attach(instance: FastifyInstance): void {
    instance.decorateRequest('caller', null);
    instance.addHook('onRoute', (route) => {
      const scope = route.config?.scope;
      if (scope === undefined || scope === 'open') return;
      route.onRequest = (request, _reply, done) => {
        this.authenticate(request, done);
      };
    });
  }

  /** Without waiting for anything where what is in memory is enough: in every warm read. */
  private authenticate(request: FastifyRequest, done: (error?: Error) => void): void {
    const credential = credentialOf(request);
    if (!credential) {
      done(unauthorized());
      return;
    }
    const caller = this.clients.known(credential);
    if (caller) {
      request.caller = caller;
      done();
      return;
    }
    this.ask(request, credential).then(() => {
      done();
    }, done);
  }

  private async ask(request: FastifyRequest, credential: Credential): Promise<void> {
    const caller = await this.clients.find(credential);
    if (!caller) throw unauthorized();
    request.caller = caller;
  }
}

function credentialOf({ headers }: FastifyRequest): Credential | undefined {
  const key = bearerOf(headers.authorization);
  return key === undefined || !isApiKey(key) ? undefined : { kind: 'key', hash: hashApiKey(key) };
}
