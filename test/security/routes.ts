import { METHOD_METADATA, PATH_METADATA } from '@nestjs/common/constants.js';
import { RequestMethod } from '@nestjs/common';
import type { INestApplication } from '@nestjs/common';
import { ModulesContainer, Reflector } from '@nestjs/core';
import { FASTIFY_ROUTE_CONFIG_METADATA } from '@nestjs/platform-fastify/constants.js';
import type { FastifyContextConfig } from 'fastify';

/** One route of a controller as Nest registered it. */
export interface Route {
  readonly method: string;
  /** With its parameters as written, such as `:user_id`. */
  readonly path: string;
  /** What it declares: a scope, `open`, or nothing. */
  readonly scope: string | undefined;
}

type Handler = (...args: unknown[]) => unknown;

/** Every controller route of a running application, found in its module tree. */
export function controllerRoutes(app: INestApplication): Route[] {
  const reflector = app.get(Reflector);
  const routes: Route[] = [];
  for (const module of app.get(ModulesContainer).values()) {
    for (const { metatype } of module.controllers.values()) {
      if (typeof metatype !== 'function') continue;
      const prefix = reflector.get<string>(PATH_METADATA, metatype);
      for (const handler of handlers(metatype.prototype as object)) {
        const method = reflector.get<RequestMethod | undefined>(METHOD_METADATA, handler);
        if (method === undefined) continue;
        const path = reflector.get<string>(PATH_METADATA, handler);
        routes.push({
          method: RequestMethod[method],
          path: `/${[prefix, path].map((part) => part.replaceAll(/^\/|\/$/g, '')).join('/')}`.replace(
            /\/$/,
            '',
          ),
          scope: reflector.get<FastifyContextConfig | undefined>(
            FASTIFY_ROUTE_CONFIG_METADATA,
            handler,
          )?.scope,
        });
      }
    }
  }
  return routes;
}

function handlers(prototype: object): Handler[] {
  return Object.getOwnPropertyNames(prototype)
    .map((name) => Object.getOwnPropertyDescriptor(prototype, name)?.value as unknown)
    .filter((value): value is Handler => typeof value === 'function');
}

/** The route's path with every parameter filled in. */
export const exampleTarget = ({ path }: Pick<Route, 'path'>): string =>
  path.replaceAll(/:[a-z_]+/g, '00000000-0000-4000-8000-000000000000');

/** Every route of a Fastify server as `METHOD path`, read from the tree that it prints. */
export function servedRoutes(tree: string): string[] {
  const parents: string[] = [];
  return [...tree.matchAll(/^((?:[│ ] {3})*)[├└]── (\S+)(?: \((.+)\))?$/gm)].flatMap(
    ([, indent = '', part = '', methods]) => {
      const depth = indent.length / 4;
      const path = (parents[depth - 1] ?? '') + part;
      parents.splice(depth, parents.length, path);
      return methods?.split(', ').map((method) => `${method} ${path}`) ?? [];
    },
  );
}
