import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { EventAuthenticity } from './event-authenticity.js';
import { EventDelivery } from './event-delivery.js';
import { EventEntity } from './event.entity.js';
import { EventLogStore } from './event-log.store.js';
import { EventOutboxStore } from './event-outbox.store.js';
import { EventsController } from './events.controller.js';

/** What happened to grants: sent to a receiver, and kept to be read. */
@Module({
  imports: [TypeOrmModule.forFeature([EventEntity])],
  controllers: [EventsController],
  providers: [EventAuthenticity, EventLogStore, EventOutboxStore, EventDelivery],
  exports: [EventLogStore],
})
export class EventsModule {}
