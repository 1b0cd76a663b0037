export { EventDelivery } from './event-delivery.js';
export type { PlacedEvent } from './event.js';
export { EventLogStore } from './event-log.store.js';
export { EventOutboxStore } from './event-outbox.store.js';
export { toEventPage, toPlace } from './events.dto.js';
export { EventsModule } from './events.module.js';
export { WebhookEndpoint } from './webhook-endpoint.js';
export { WebhookSender } from './webhook-sender.js';
