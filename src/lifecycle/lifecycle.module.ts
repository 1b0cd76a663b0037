import { Global, Module } from '@nestjs/common';
import { BackgroundWorks } from './background-works.js';
import { Lifecycle } from './lifecycle.js';

/** Where the process stands between start and stop, and what it does in the background. */
@Global()
@Module({
  providers: [BackgroundWorks, Lifecycle],
  exports: [BackgroundWorks, Lifecycle],
})
export class LifecycleModule {}
