import { Module } from '@nestjs/common';
import { ClientTokenCalls } from './client-token-calls.js';
import { ClientTokenReader } from './client-token-reader.js';
import { ClientTokenRenewal } from './client-token-renewal.js';
import { ClientTokenStore } from './client-token.store.js';
import { ClientTokensController } from './client-tokens.controller.js';

/** The providers' tokens for the client itself. */
@Module({
  controllers: [ClientTokensController],
  providers: [ClientTokenCalls, ClientTokenReader, ClientTokenRenewal, ClientTokenStore],
})
export class ClientTokensModule {}
