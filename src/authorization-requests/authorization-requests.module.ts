import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { TokensModule } from '../tokens/index.js';
import { AuthorizationRequest } from './authorization-request.entity.js';
import { AuthorizationRequestsController } from './authorization-requests.controller.js';
import { CallbackService } from './callback.service.js';
import { BrowserCookie } from './browser-cookie.js';
import { StartService } from './start.service.js';
import { ConfirmationExpiry } from './confirmation-expiry.js';
import { ConfirmationService } from './confirmation.service.js';
import { ConfirmationStore } from './confirmation.store.js';
import { LinkKeeper } from './link-keeper.js';
import { LinkService } from './link.service.js';
import { RequestSecrets } from './request-secrets.js';
import { RequestStore } from './request.store.js';

/** The link flow, as far as internal services see it. */
@Module({
  imports: [TypeOrmModule.forFeature([AuthorizationRequest]), TokensModule],
  controllers: [AuthorizationRequestsController],
  providers: [
    RequestStore,
    RequestSecrets,
    LinkService,
    LinkKeeper,
    CallbackService,
    ConfirmationService,
    ConfirmationExpiry,
    ConfirmationStore,
    StartService,
    BrowserCookie,
  ],
  exports: [BrowserCookie, CallbackService, LinkKeeper, StartService],
})
export class AuthorizationRequestsModule {}
