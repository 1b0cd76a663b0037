import { RouteConfig } from '@nestjs/platform-fastify';

/** What an API key may be allowed to do; `admin` may do everything. */
export const CLIENT_SCOPES = [
  'tokens:read',
  'tokens:write',
  'authorizations:write',
  'admin',
] as const;
export type ClientScope = (typeof CLIENT_SCOPES)[number];

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What a route of the internal API asks of its caller. One that says nothing is refused. */
    scope?: ClientScope | 'open';
  }
}

/** The route needs an API key with this scope. */
export const RequireScope = (scope: ClientScope) => RouteConfig({ scope });

/** The route needs no API key. */
export const Open = () => RouteConfig({ scope: 'open' });
