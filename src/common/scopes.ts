import { RouteConfig } from '@nestjs/platform-fastify';

/** What a client may be allowed to do; `admin` may do everything. */
export const CLIENT_SCOPES = [
  'tokens:read',
  'tokens:reject',
  'tokens:write',
  'authorizations:write',
  'sessions:write',
  'client-tokens:read',
  'admin',
] as const;
export type ClientScope = (typeof CLIENT_SCOPES)[number];

/** How a route treats clients that are restricted to some providers or users. */
interface RestrictionRule {
  /**
   * The route itself sees to it that a restricted client gets 403 for what it may not touch (see
   * `assertMayTouchGrant`). A route that does not say so is refused to restricted clients, so that a check
   * that was forgotten is noticed and harmless.
   */
  readonly checksRestrictions: true;
  /** What can be answered from memory is, before Nest's router sees it (see `WarmReads`). */
  readonly answersFromMemory?: true;
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What a route of the internal API asks of its caller. One that says nothing is refused. */
    scope?: ClientScope | 'open';
    checksRestrictions?: true;
    answersFromMemory?: true;
  }
}

/** The route needs a caller with this scope. */
export const RequireScope = (scope: ClientScope, rule?: RestrictionRule) =>
  RouteConfig({ scope, ...rule });

/** The route needs no caller. */
export const Open = () => RouteConfig({ scope: 'open' });
