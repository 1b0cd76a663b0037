import { Module } from '@nestjs/common';
import { ConsentsModule } from '../consents/index.js';
import { GrantsModule } from '../grants/index.js';
import { TokensModule } from '../tokens/index.js';
import { StitchConnectController } from './stitch-connect.controller.js';
import { StitchConnectService } from './stitch-connect.service.js';

/** Accounts and sessions of stitchdata.com. */
@Module({
  imports: [ConsentsModule, GrantsModule, TokensModule],
  controllers: [StitchConnectController],
  providers: [StitchConnectService],
})
export class StitchConnectModule {}
