import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import type { OpenAPIObject } from '@nestjs/swagger';
import type { INestApplication } from '@nestjs/common';
import { describedProblem } from './problem.dto.js';

type PathItem = OpenAPIObject['paths'][string];
type Operation = NonNullable<PathItem['get']>;

/**
 * Describes both listeners as one OpenAPI 3.1 document, from the decorators of their controllers.
 * The paths of the public one say that they are elsewhere.
 */
function describeApi(
  app: INestApplication,
  publicApp: INestApplication,
  publicUrl: string,
): OpenAPIObject {
  const about = new DocumentBuilder()
    .setOpenAPIVersion('3.1.0')
    .setTitle('Stitch token vault')
    .setDescription(
      'Links users at Stitch, keeps their tokens encrypted and fresh, and hands out valid bearer ' +
        'tokens. Errors are RFC 9457 problem documents with a stable `code`.',
    )
    .setVersion('1')
    .addBearerAuth({
      type: 'http',
      scheme: 'bearer',
      description: 'An API key of the vault, or a JWT',
    })
    .build();
  const description = SwaggerModule.createDocument(app, about);
  for (const item of Object.values(description.paths)) describeCeiling(item);
  const elsewhere = { servers: [{ url: publicUrl, description: 'The public listener' }] };
  for (const [path, item] of Object.entries(SwaggerModule.createDocument(publicApp, about).paths)) {
    description.paths[path] = { ...item, ...elsewhere };
  }
  return withNullTypes(description) as OpenAPIObject;
}

/** Every operation that needs a caller may be refused for how often that caller asks. */
function describeCeiling(item: PathItem): void {
  for (const operation of Object.values(item) as readonly Operation[]) {
    // Where none is described, the operation takes no caller.
    if (!operation.security || !operation.responses['401']) continue;
    const own = operation.responses['429'];
    const before =
      own && 'description' in own ? `${own.description}; or this` : '`rate_limited`: this';
    const description = `${before} client asks more often than CLIENT_REQUESTS_PER_SECOND allows; try again after \`Retry-After\` seconds`;
    operation.responses['429'] = describedProblem(429, description);
  }
}

/**
 * OpenAPI 3.1 is JSON Schema 2020-12, which has no `nullable`: null is one more type. The
 * decorators only know the old way to say it.
 */
function withNullTypes(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withNullTypes);
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value).map(([name, member]) => [name, withNullTypes(member)]);
  const { nullable, ...schema } = Object.fromEntries(members) as Record<string, unknown>;
  if (nullable !== true) return schema;
  if (typeof schema.type !== 'string') return { anyOf: [schema, { type: 'null' }] };
  const values = Array.isArray(schema.enum) ? { enum: [...(schema.enum as unknown[]), null] } : {};
  return { ...schema, ...values, type: [schema.type, 'null'] };
}

/**
 * Serves the description at `/openapi.json` and a page to try it at `/docs`, on the internal
 * listener.
 */
export function serveApiDescription(
  app: INestApplication,
  publicApp: INestApplication,
  publicUrl: string,
): void {
  const description = describeApi(app, publicApp, publicUrl);
  SwaggerModule.setup('docs', app, description, { jsonDocumentUrl: 'openapi.json' });
}
