import { isUtf8 } from 'node:buffer';
import { UnsupportedMediaTypeException } from '@nestjs/common';
import type { FastifyInstance } from 'fastify';
import { invalidRequest } from '../common/index.js';

const CHARSET = /;\s*charset\s*=\s*"?([^\s;"]*)/i;

/**
 * Takes JSON in UTF-8 as a body and nothing else. In place of Fastify's own parser, which puts
 * U+FFFD where bytes are no UTF-8, so that two ids could become one, and which refuses an empty
 * body: clients that name a content type in every request send a DELETE like that.
 */
export function acceptJsonBodies(instance: FastifyInstance): void {
  const parse = instance.getDefaultJsonParser('error', 'error');
  instance.removeAllContentTypeParsers();
  instance.addContentTypeParser<Buffer>(
    'application/json',
    { parseAs: 'buffer' },
    (request, body, done) => {
      const [, charset = 'utf-8'] = CHARSET.exec(request.headers['content-type'] ?? '') ?? [];
      if (!/^utf-?8$/i.test(charset)) {
        done(new UnsupportedMediaTypeException());
      } else if (body.length === 0) {
        done(null);
      } else if (!isUtf8(body)) {
        done(malformed('body must be UTF-8'));
      } else {
        void parse(request, body.toString(), (error, parsed) => {
          if (error) done(malformed('body must be JSON without a member __proto__ or constructor'));
          else done(null, parsed);
        });
      }
    },
  );
}

const malformed = (sentence: string) => invalidRequest({ body: [sentence] });
