import { Injectable } from '@nestjs/common';
import type { CanActivate, ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { forbidden, isRestricted, outsideRestriction } from '../common/index.js';

/**
 * Lets a request through when its caller has the scope that the route declares, and may use the
 * route at all. A route that declares nothing is refused, so that forgetting to declare is noticed
 * and harmless.
 */
@Injectable()
export class ScopeGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const { caller, routeOptions } = context.switchToHttp().getRequest<FastifyRequest>();
    const { scope, checksRestrictions } = routeOptions.config;
    if (scope === 'open') return true;
    if (!scope || !caller || !(caller.scopes.has(scope) || caller.scopes.has('admin'))) {
      throw forbidden(scope ?? 'admin');
    }
    if (isRestricted(caller) && !checksRestrictions) throw outsideRestriction();
    return true;
  }
}
