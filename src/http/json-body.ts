import { isUtf8 } from 'node:buffer';
import { UnsupportedMediaTypeException } from '@nestjs/common';
import type { FastifyInstance } from 'fastify';
import { invalidRequest } from '../common/index.js';

const CHARSET = /;\s*charset\s*=\s*"?([^\s;"]*)/i;

/**
 * Takes JSON in UTF-8 as a body and nothing else. In place of Fastify's own parser. That one puts
 * U+FFFD where bytes are no UTF-8, so that two ids could become one. It also refuses an empty body:
 * clients that name a content type in every request send a DELETE like that.
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
        const text = body.toString();
        void parse(request, text, (error, parsed) => {
          const broken = error || !namesSurrogate(text) ? [] : brokenMembers(parsed);
          if (broken.length > 0) {
            done(invalidRequest(Object.fromEntries(broken.map((name) => [name, [HALF_A_PAIR]]))));
          } else if (error) {
            done(malformed('body must be JSON without a member __proto__ or constructor'));
          } else {
            done(null, parsed);
          }
        });
      }
    },
  );
}

const HALF_A_PAIR = 'must not have half of a surrogate pair';

/** Whether a text can hold half of a surrogate pair: UTF-8 can't, an escape can. */
const namesSurrogate = (text: string): boolean => /\\u[dD][89a-fA-F]/.test(text);

/**
 * Whether every string and name in a value is Unicode (RFC 7493 section 2.1). What is not can't be
 * written as UTF-8: libraries throw at it, or write U+FFFD, so that two ids become one.
 */
function isWellFormed(value: unknown): boolean {
  if (typeof value === 'string') return !/\p{Surrogate}/u.test(value);
  if (typeof value !== 'object' || value === null) return true;
  return Object.entries(value).every(
    ([name, member]) => isWellFormed(name) && isWellFormed(member),
  );
}

/** The members of a body that are no Unicode; `body` for one that is no object. */
function brokenMembers(body: unknown): string[] {
  if (isWellFormed(body)) return [];
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return ['body'];
  const broken = Object.entries(body).filter(([, member]) => !isWellFormed(member));
  const names = broken.map(([name]) => name).filter(isWellFormed);
  return names.length > 0 ? names : ['body'];
}

const malformed = (sentence: string) => invalidRequest({ body: [sentence] });
