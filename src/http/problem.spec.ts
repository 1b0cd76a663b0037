import {
  BadRequestException,
  ForbiddenException,
  HttpException,
  ImATeapotException,
  InternalServerErrorException,
  NotFoundException,
} from '@nestjs/common';
import {
  StorageUnavailableError,
  insufficientScope,
  invalidRequest,
  providerUnavailable,
  reauthorizationRequired,
  tokenNotFound,
} from '../common/index.js';
import { problemDocument, toVaultError } from './problem.js';

describe('what is thrown, as a problem document', () => {
  it.each([
    [tokenNotFound(), { status: 404, code: 'token_not_found' }],
    [insufficientScope(['a']), { status: 403, code: 'insufficient_scope', missing_scopes: ['a'] }],
    [invalidRequest({ x: ['y'] }), { status: 400, code: 'invalid_request', errors: { x: ['y'] } }],
    [
      reauthorizationRequired('rotation_lost'),
      { status: 409, code: 'reauthorization_required', reason: 'rotation_lost' },
    ],
    [providerUnavailable(3), { status: 503, code: 'provider_unavailable' }],
    [new StorageUnavailableError(), { status: 503, code: 'storage_unavailable' }],
    [
      new BadRequestException('text'),
      { status: 400, code: 'invalid_request', errors: { request: ['is malformed'] } },
    ],
    [new NotFoundException('text'), { status: 404, code: 'not_found' }],
    [new ForbiddenException('text'), { status: 403, code: 'forbidden' }],
    [new ImATeapotException('text'), { status: 418, code: 'invalid_request' }],
    [
      { statusCode: 413, message: 'text' },
      { status: 413, code: 'payload_too_large' },
    ],
    [{ statusCode: 415 }, { status: 415, code: 'unsupported_media_type' }],
    [new InternalServerErrorException('text'), { status: 500, code: 'internal_error' }],
    [new HttpException('text', 200), { status: 500, code: 'internal_error' }],
    [new Error('text'), { status: 500, code: 'internal_error' }],
    ['text', { status: 500, code: 'internal_error' }],
    [null, { status: 500, code: 'internal_error' }],
    [undefined, { status: 500, code: 'internal_error' }],
  ])('%p has its status and code, and repeats no text', (thrown, expected) => {
    const document = problemDocument(toVaultError(thrown));
    expect(document).toMatchObject({
      ...expected,
      type: `urn:stitch-token-vault:problem:${expected.code}`,
      title: expect.stringMatching(/^[A-Z]/),
      detail: expect.stringMatching(/\.$/),
    });
    expect(JSON.stringify(document)).not.toContain('text');
    expect(JSON.stringify(document)).not.toContain('cause');
  });

  it('keeps the cause of an error nobody foresaw for the log alone', () => {
    const cause = new Error('a secret');
    const error = toVaultError(cause);
    expect(error.cause).toBe(cause);
    expect(JSON.stringify(problemDocument(error))).not.toContain('secret');
  });
});
