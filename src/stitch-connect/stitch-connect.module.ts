import { Module } from '@nestjs/common';
import { AuthorizationRequestsModule } from '../authorization-requests/index.js';
import { GrantsModule } from '../grants/index.js';
import { TokensModule } from '../tokens/index.js';
import { StitchConnectController } from './stitch-connect.controller.js';
import { StitchConnectService } from './stitch-connect.service.js';

/** Accounts and sessions of stitchdata.com. */
@Module({
  imports: [AuthorizationRequestsModule, GrantsModule, TokensModule],
  controllers: [StitchConnectController],
  providers: [StitchConnectService],
})
export class StitchConnectModule {}
