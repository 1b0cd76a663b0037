import { Global, Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { ConsentedRequests, ConsentsModule } from '../consents/index.js';
import { GrantsModule, PendingConsents } from '../grants/index.js';
import { TokensModule } from '../tokens/index.js';
import { AnsweredRequestService } from './answered-request.service.js';
import { AuthorizationBrowser } from './authorization-browser.entity.js';
import { AuthorizationRequest } from './authorization-request.entity.js';
import { AuthorizationRequestsController } from './authorization-requests.controller.js';
import { CallbackService } from './callback.service.js';
import { BrowserCookie } from './browser-cookie.js';
import { StartService } from './start.service.js';
import { ClaimStore } from './claim.store.js';
import { ConfirmationExpiry } from './confirmation-expiry.js';
import { ConfirmationService } from './confirmation.service.js';
import { ConfirmationStore } from './confirmation.store.js';
import { ConsentNotes } from './consent-notes.js';
import { LinkService } from './link.service.js';
import { PendingConsentsStore } from './pending-consents.store.js';
import { PublicShare } from './public-share.js';
import { RequestAuthenticity } from './request-authenticity.js';
import { RequestSecrets } from './request-secrets.js';
import { RequestStore } from './request.store.js';
import { SecondVisit } from './second-visit.js';
import { VisitStore } from './visit.store.js';

/**
 * The link flow, as far as internal services see it. Global, because it implements what grants and consents only
 * know as `PendingConsents` and `ConsentedRequests`: they cannot import it.
 */
@Global()
@Module({
  imports: [
    TypeOrmModule.forFeature([AuthorizationRequest, AuthorizationBrowser]),
    ConsentsModule,
    GrantsModule,
    TokensModule,
  ],
  controllers: [AuthorizationRequestsController],
  providers: [
    RequestStore,
    ClaimStore,
    PublicShare,
    RequestAuthenticity,
    RequestSecrets,
    LinkService,
    ConsentNotes,
    AnsweredRequestService,
    CallbackService,
    ConfirmationService,
    ConfirmationExpiry,
    ConfirmationStore,
    StartService,
    SecondVisit,
    VisitStore,
    BrowserCookie,
    { provide: ConsentedRequests, useExisting: RequestStore },
    { provide: PendingConsents, useClass: PendingConsentsStore },
  ],
  exports: [BrowserCookie, CallbackService, ConsentedRequests, PendingConsents, StartService],
})
export class AuthorizationRequestsModule {}
