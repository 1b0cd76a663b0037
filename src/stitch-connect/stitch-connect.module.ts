import { Module } from '@nestjs/common';
import { TokensModule } from '../tokens/index.js';
import { StitchConnectController } from './stitch-connect.controller.js';
import { StitchConnectService } from './stitch-connect.service.js';

/** Accounts and sessions of stitchdata.com. */
@Module({
  imports: [TokensModule],
  controllers: [StitchConnectController],
  providers: [StitchConnectService],
})
export class StitchConnectModule {}
