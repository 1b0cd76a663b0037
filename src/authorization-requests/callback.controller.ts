import { Controller, Get, Param, Req, Res } from '@nestjs/common';
import { ApiOperation, ApiParam, ApiQuery, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { DEFAULT_PROVIDER } from '../common/index.js';
import { ApiPages, ApiRedirect } from './api-pages.js';
import { returnUrl } from './callback-end.js';
import { CallbackService } from './callback.service.js';
import { PAGE_HEADERS, Pages } from './pages.js';

/** Where providers send browsers back to. On the public listener. */
@ApiTags('for browsers')
@Controller('callback')
export class CallbackController {
  constructor(
    private readonly callbacks: CallbackService,
    private readonly pages: Pages,
  ) {}

  @Get(':provider')
  @ApiOperation({
    summary: "The end of a link: takes the provider's answer (RFC 6749 section 4.1.2)",
    description:
      'Other parameters are ignored; one of these given twice is refused. A further visit of the ' +
      'same browser waits for the first one and is answered like it; any other is 400. A prefetch ' +
      'or prerender is 403, without a page, and spends nothing.',
  })
  @ApiParam({ name: 'provider', example: DEFAULT_PROVIDER })
  @ApiQuery({ name: 'state', type: String, required: false, description: 'Where it is returned.' })
  @ApiQuery({ name: 'code', type: String, required: false })
  @ApiQuery({ name: 'error', type: String, required: false })
  @ApiQuery({ name: 'iss', type: String, required: false, description: 'RFC 9207' })
  @ApiRedirect(
    'To the `return_to` of the request, with `authorization_request` and `status` in its query',
    'Takes back the cookie that the link was started with, and leaves one by which a reload is known.',
  )
  @ApiPages({
    200: 'Linked, to be confirmed, or declined by the user',
    400: 'The answer cannot be used, or its state is unknown, used or expired',
    404: 'No such provider is configured',
    502: 'The provider could not be reached, or its id_token is not to be believed',
    503: 'The database cannot be reached, the answer stays good: reload after `Retry-After` seconds',
  })
  async callback(
    @Param('provider') provider: string,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const [, query = ''] = /\?(.*)$/s.exec(request.raw.url ?? '') ?? [];
    const end = await this.callbacks.finish(provider, query, request.headers.cookie);
    if (end.setCookies.length > 0) void reply.header('set-cookie', [...end.setCookies]);
    if (end.returnTo === null) {
      void reply.status(end.httpStatus).headers(PAGE_HEADERS).send(this.pages.end(end.status));
      return;
    }
    void reply
      .status(303)
      .headers({ 'cache-control': 'no-store', 'referrer-policy': 'no-referrer' })
      .header('location', returnUrl(end.returnTo, end))
      .send();
  }
}
