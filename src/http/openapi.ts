import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import type { OpenAPIObject } from '@nestjs/swagger';
import type { INestApplication } from '@nestjs/common';

/** Describes the internal API as OpenAPI 3.1, from the decorators of its controllers. */
export function describeApi(app: INestApplication): OpenAPIObject {
  const about = new DocumentBuilder()
    .setOpenAPIVersion('3.1.0')
    .setTitle('Stitch token vault')
    .setDescription(
      'Links users at Stitch, keeps their tokens encrypted and fresh, and hands out valid bearer ' +
        'tokens. Errors are RFC 9457 problem documents with a stable `code`.',
    )
    .setVersion('1')
    .addBearerAuth({ type: 'http', scheme: 'bearer', description: 'An API key of the vault' })
    .build();
  return withNullTypes(SwaggerModule.createDocument(app, about)) as OpenAPIObject;
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

/** Serves the description at `/openapi.json` and a page to try it at `/docs`. */
export function serveApiDescription(app: INestApplication): void {
  SwaggerModule.setup('docs', app, describeApi(app), { jsonDocumentUrl: 'openapi.json' });
}
