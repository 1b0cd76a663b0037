import { Controller, Get, Param, Req, Res } from '@nestjs/common';
import { ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ApiPages, ApiRedirect } from './api-pages.js';
import { StartService } from './start.service.js';

/** Where a browser starts a link that it must be known by at its end. On the public listener. */
@ApiTags('for browsers')
@Controller('authorize')
export class AuthorizeController {
  constructor(private readonly starts: StartService) {}

  @Get(':id')
  @ApiOperation({
    summary: 'Send the browser to the provider, with a cookie to know it by when it comes back',
    description:
      'The `authorization_url` of a provider that does not return a state, and with ' +
      '`LINK_SAME_BROWSER` of every one. Every browser that begins here may finish, the first ' +
      'one does. A prefetch or prerender is 403, without a page.',
  })
  @ApiParam({ name: 'id', format: 'uuid', description: 'The id of the authorization request' })
  @ApiRedirect('To the provider', 'The cookie, good for one callback.')
  @ApiPages({
    400: 'Unknown, used, expired, or begun by too many browsers: one is like the other',
    503: 'The database cannot be reached: try again after `Retry-After` seconds',
  })
  async authorize(
    @Param('id') id: string,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const { authorizationUrl, setCookie } = await this.starts.start(id, request.headers.cookie);
    void reply
      .status(303)
      .headers({
        'cache-control': 'no-store',
        'referrer-policy': 'no-referrer',
        'set-cookie': setCookie,
        location: authorizationUrl,
      })
      .send();
  }
}
