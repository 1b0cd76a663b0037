import { Injectable } from '@nestjs/common';
import type { CanActivate, ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { forbidden } from '../common/index.js';

/**
 * Lets a request through when the API key it was authenticated by has the scope that the route
 * declares. A route that declares nothing is refused, so that forgetting to declare is noticed and
 * harmless.
 */
@Injectable()
export class ApiKeyGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const { client, routeOptions } = context.switchToHttp().getRequest<FastifyRequest>();
    const { scope } = routeOptions.config;
    if (scope === 'open') return true;
    if (scope && (client?.scopes.has(scope) || client?.scopes.has('admin'))) return true;
    throw forbidden(scope ?? 'admin');
  }
}
