import { Controller, Get, Param, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { BrowserCookie } from './browser-cookie.js';
import { CallbackService } from './callback.service.js';
import type { CallbackEnd } from './callback.service.js';
import { PAGE_HEADERS, Pages } from './pages.js';

/** Where providers send browsers back to. On the public listener. */
@Controller('callback')
export class CallbackController {
  constructor(
    private readonly callbacks: CallbackService,
    private readonly cookies: BrowserCookie,
    private readonly pages: Pages,
  ) {}

  @Get(':provider')
  async callback(
    @Param('provider') provider: string,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const [, query = ''] = /\?(.*)$/s.exec(request.raw.url ?? '') ?? [];
    const end = await this.callbacks.finish(provider, query, request.headers.cookie);
    void reply.header('set-cookie', this.cookies.clear(end.requestId));
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

/** The caller's URL with how the request ended added to its query. */
function returnUrl(returnTo: string, end: CallbackEnd): string {
  const url = new URL(returnTo);
  url.searchParams.set('authorization_request', end.requestId);
  url.searchParams.set('status', end.status);
  return url.href;
}
