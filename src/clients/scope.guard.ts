import { Injectable } from '@nestjs/common';
import type { CanActivate, ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { callRefusal } from '../common/index.js';

/** Lets a request through when its caller may use the route at all: see `callRefusal`. */
@Injectable()
export class ScopeGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const { caller, routeOptions } = context.switchToHttp().getRequest<FastifyRequest>();
    const refusal = callRefusal(caller, routeOptions.config);
    if (refusal) throw refusal;
    return true;
  }
}
