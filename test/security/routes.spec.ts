import type { ExecutionContext } from '@nestjs/common';
import type { FastifyContextConfig } from 'fastify';
import { ScopeGuard } from '../../src/clients/scope.guard.js';
import { CLIENT_SCOPES } from '../../src/common/index.js';
import type { ClientScope } from '../../src/common/index.js';
import { createClient } from '../support/vault.js';
import { createWorld } from '../support/world.js';
import type { World } from '../support/world.js';
import { expectPage, expectProblem } from './refusals.js';
import { controllerRoutes, exampleTarget, servedRoutes } from './routes.js';
import type { Route } from './routes.js';
import { send } from './wire.js';

/** The routes that the contract leaves without a key. */
const OPEN = [
  'GET /console',
  'GET /console/app.css',
  'GET /console/app.js',
  'GET /console/uplot.css',
  'GET /console/uplot.js',
  'GET /health/live',
  'GET /health/ready',
  'GET /metrics',
  'HEAD /health/live',
  'HEAD /health/ready',
];
/** What is served beside the controllers, on the internal listener. */
const DESCRIPTION = ['/docs', '/openapi.json', '/docs/swagger-ui.css', '/docs/swagger-ui-init.js'];

describe('who may call what', () => {
  let world: World;
  let routes: Route[];
  const keys = new Map<ClientScope, string>();
  beforeAll(async () => {
    world = await createWorld();
    routes = controllerRoutes(world.vault.app);
    for (const scope of CLIENT_SCOPES) {
      keys.set(scope, await createClient(world.database.url, [scope]));
    }
  });
  afterAll(() => world.close());

  const call = (route: Route, key?: string) =>
    send(world.vault.internalUrl, {
      method: route.method,
      target: exampleTarget(route),
      headers: key === undefined ? {} : { Authorization: `Bearer ${key}` },
    });
  const guarded = () => routes.filter(({ scope }) => scope !== 'open');

  it('finds the routes there are', () => {
    const found = routes.map(({ method, path }) => `${method} ${path}`);
    expect(found).toEqual(expect.arrayContaining([...OPEN, 'GET /tokens/:user_id']));
    expect(new Set(found).size).toBe(found.length);
  });

  it('finds a declared scope on every route, and no open route but those of the contract', () => {
    const undeclared = routes.filter(({ scope }) => scope === undefined);
    expect(undeclared).toEqual([]);
    const open = routes.filter(({ scope }) => scope === 'open');
    expect(open.map(({ method, path }) => `${method} ${path}`).sort()).toEqual(OPEN);
    for (const { scope } of guarded()) expect(CLIENT_SCOPES).toContain(scope);
  });

  it('finds no route in the server that no controller declares, but the API description', () => {
    const server = world.vault.app.getHttpAdapter().getInstance();
    const served = servedRoutes(server.printRoutes({ commonPrefix: false }));
    const others = served.filter((route) => !/ \/(docs|openapi\.json)/.test(route));
    const declared = routes.map(({ method, path }) => `${method} ${path}`);
    expect(others.sort()).toEqual(declared.sort());
  });

  it('answers every guarded route without a key, and with a wrong one, by 401 and a challenge', async () => {
    for (const route of guarded()) {
      // A HEAD must not run a handler of GET behind the guard's back.
      expect(await call({ ...route, method: 'HEAD' })).toMatchObject({ status: 404, body: '' });
      for (const key of [undefined, 'stv_wrong', keys.get('admin')?.toLowerCase()]) {
        const answer = await call(route, key);
        expectProblem(answer, 401);
        expect(answer.headers['www-authenticate']).toBe('Bearer');
        expect(answer.body).toContain('"code":"unauthorized"');
      }
    }
  });

  it('lets the declared scope and admin through, and refuses every other scope by 403', async () => {
    for (const route of guarded()) {
      for (const [scope, key] of keys) {
        const answer = await call(route, key);
        const shown = {
          ...route,
          key: scope,
          forbidden: answer.body.includes('"code":"forbidden"'),
        };
        const allowed = scope === 'admin' || scope === route.scope;
        expect(shown).toEqual({ ...route, key: scope, forbidden: !allowed });
        if (!allowed) expectProblem(answer, 403);
        else expect(answer.status).not.toBe(401);
      }
    }
  });

  it('asks for the key before it looks at the body', async () => {
    const bodies: [contentType: string, body: string][] = [
      ['application/json', '{"user_id":'],
      ['application/json', '{"__proto__":{}}'],
      ['application/xml', '<user_id>ann</user_id>'],
      ['application/json', ' '.repeat(70_000)],
    ];
    for (const { method, ...route } of guarded().filter((each) => each.method !== 'GET')) {
      for (const authorization of [undefined, 'Bearer stv_wrong']) {
        for (const [contentType, body] of bodies) {
          const answer = await send(world.vault.internalUrl, {
            method,
            target: exampleTarget(route),
            headers: {
              'Content-Type': contentType,
              ...(authorization === undefined ? {} : { Authorization: authorization }),
            },
            body,
          });
          expectProblem(answer, 401);
          expect(answer.headers['www-authenticate']).toBe('Bearer');
        }
      }
    }
  });

  it('refuses a route that declares nothing, whoever calls', () => {
    const guard = new ScopeGuard();
    const context = (config: FastifyContextConfig) =>
      ({
        switchToHttp: () => ({
          getRequest: () => ({
            caller: {
              name: 'admin',
              scopes: new Set(['admin']),
              providers: null,
              userPrefixes: null,
            },
            routeOptions: { config },
          }),
        }),
      }) as unknown as ExecutionContext;
    let thrown: unknown;
    try {
      guard.canActivate(context({}));
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({ status: 403, code: 'forbidden' });
    expect(guard.canActivate(context({ scope: 'tokens:read' }))).toBe(true);
  });

  it('serves nothing of the internal API on the public listener, key or not', async () => {
    const { publicUrl } = world.vault;
    const targets = [...routes.map(exampleTarget), ...DESCRIPTION, '/', '/health', '/favicon.ico'];
    for (const target of new Set(targets)) {
      for (const method of ['GET', 'POST', 'DELETE']) {
        const headers = { Authorization: `Bearer ${world.key}` };
        expectPage(await send(publicUrl, { method, target, headers, body: '' }), 404);
      }
    }
  });

  it('serves neither the callback nor the start page on the internal listener', async () => {
    for (const target of ['/callback/stitch-money', '/callback/stitch-connect', '/authorize/x']) {
      expectProblem(await send(world.vault.internalUrl, { target }), 404);
    }
  });

  it('serves the API description on the internal listener without a key', async () => {
    for (const target of DESCRIPTION) {
      expect(await send(world.vault.internalUrl, { target })).toMatchObject({ status: 200 });
    }
  });
});
