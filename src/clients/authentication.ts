import { Injectable } from '@nestjs/common';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { unauthorized } from '../common/index.js';
import { bearerKey } from './api-key.js';
import { ClientDirectory } from './client-directory.js';
import type { KnownClient } from './client-directory.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** Whose API key the request carries; null where the route asks for none. */
    client: KnownClient | null;
  }
}

/**
 * Asks for the API key before anything else of a request is looked at. A guard would be too late:
 * Fastify parses the body first, and would tell a stranger what is wrong with it.
 */
@Injectable()
export class Authentication {
  constructor(private readonly clients: ClientDirectory) {}

  /** Puts the question before every route, still to be added, that declares a scope. */
  attach(instance: FastifyInstance): void {
    instance.decorateRequest('client', null);
    instance.addHook('onRoute', (route) => {
      const scope = route.config?.scope;
      if (scope === undefined || scope === 'open') return;
      route.onRequest = (request: FastifyRequest) => this.authenticate(request);
    });
  }

  private async authenticate(request: FastifyRequest): Promise<void> {
    const key = bearerKey(request.headers.authorization);
    const client = key === undefined ? undefined : await this.clients.find(key);
    if (!client) throw unauthorized();
    request.client = client;
  }
}
