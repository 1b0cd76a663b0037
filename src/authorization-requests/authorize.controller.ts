import { Controller, Get, Param, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { StartService } from './start.service.js';

/** Where a browser starts a link that it must be known by at its end. On the public listener. */
@Controller('authorize')
export class AuthorizeController {
  constructor(private readonly starts: StartService) {}

  @Get(':id')
  async authorize(@Param('id') id: string, @Res() reply: FastifyReply): Promise<void> {
    const { authorizationUrl, setCookie } = await this.starts.start(id);
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
