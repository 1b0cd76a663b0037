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
  return SwaggerModule.createDocument(app, about);
}

/** Serves the description at `/openapi.json` and a page to try it at `/docs`. */
export function serveApiDescription(app: INestApplication): void {
  SwaggerModule.setup('docs', app, describeApi(app), { jsonDocumentUrl: 'openapi.json' });
}
