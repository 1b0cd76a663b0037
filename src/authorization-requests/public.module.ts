import { Module } from '@nestjs/common';
import type { DynamicModule } from '@nestjs/common';
import { CallbackController } from './callback.controller.js';
import { CallbackService } from './callback.service.js';

/**
 * The whole of the public listener: an application of its own, so that no route of the internal
 * one can ever be reachable there. It borrows the services it needs.
 */
@Module({})
export class PublicModule {
  static forRoot(callbacks: CallbackService): DynamicModule {
    return {
      module: PublicModule,
      controllers: [CallbackController],
      providers: [{ provide: CallbackService, useValue: callbacks }],
    };
  }
}
