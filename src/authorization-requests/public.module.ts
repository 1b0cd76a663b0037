import { Module } from '@nestjs/common';
import type { DynamicModule } from '@nestjs/common';
import { AuthorizeController } from './authorize.controller.js';
import { CallbackController } from './callback.controller.js';
import { CallbackService } from './callback.service.js';
import { Pages } from './pages.js';
import { StartService } from './start.service.js';

/**
 * The whole of the public listener: an application of its own, so that no route of the internal
 * one can ever be reachable there. It borrows the services it needs.
 */
@Module({})
export class PublicModule {
  static forRoot(callbacks: CallbackService, starts: StartService, pages: Pages): DynamicModule {
    return {
      module: PublicModule,
      controllers: [AuthorizeController, CallbackController],
      providers: [
        { provide: CallbackService, useValue: callbacks },
        { provide: StartService, useValue: starts },
        { provide: Pages, useValue: pages },
      ],
    };
  }
}
