import { Injectable } from '@nestjs/common';
import type { CanActivate, ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyRequest } from 'fastify';
import { ROUTE_SCOPE, forbidden, unauthorized } from '../common/index.js';
import type { ClientScope } from '../common/index.js';
import { bearerKey } from './api-key.js';
import { ClientDirectory } from './client-directory.js';

/**
 * Lets a request through when its API key has the scope that the route declares. A route that
 * declares nothing is refused, so that forgetting to declare is noticed and harmless.
 */
@Injectable()
export class ApiKeyGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly clients: ClientDirectory,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const scope = this.reflector.getAllAndOverride<ClientScope | 'open' | undefined>(ROUTE_SCOPE, [
      context.getHandler(),
      context.getClass(),
    ]);
    if (scope === 'open') return true;
    const key = bearerKey(
      context.switchToHttp().getRequest<FastifyRequest>().headers.authorization,
    );
    const client = key === undefined ? undefined : await this.clients.find(key);
    if (!client) throw unauthorized();
    if (scope && (client.scopes.has(scope) || client.scopes.has('admin'))) return true;
    throw forbidden(scope ?? 'admin');
  }
}
