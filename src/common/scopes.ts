import { SetMetadata } from '@nestjs/common';

/** What an API key may be allowed to do; `admin` may do everything. */
export const CLIENT_SCOPES = [
  'tokens:read',
  'tokens:write',
  'authorizations:write',
  'admin',
] as const;
export type ClientScope = (typeof CLIENT_SCOPES)[number];

/** Metadata key under which a route declares its scope. A route that declares none is refused. */
export const ROUTE_SCOPE = 'route-scope';

/** The route needs an API key with this scope. */
export const RequireScope = (scope: ClientScope) => SetMetadata(ROUTE_SCOPE, scope);

/** The route needs no API key. */
export const Open = () => SetMetadata(ROUTE_SCOPE, 'open');
