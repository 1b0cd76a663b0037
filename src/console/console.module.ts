import { Module } from '@nestjs/common';
import { ConsoleController } from './console.controller.js';
import { ConsoleDataController } from './console-data.controller.js';
import { SampleStore } from './sample.store.js';
import { Sampler } from './sampler.js';

/** The operators' page and the history that it draws. */
@Module({
  controllers: [ConsoleController, ConsoleDataController],
  providers: [SampleStore, Sampler],
})
export class ConsoleModule {}
