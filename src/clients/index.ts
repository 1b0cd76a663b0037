export { Authentication } from './authentication.js';
export { vouchForAll } from './client-mac.js';
export { ClientRegistry } from './client-registry.js';
export type { KeySource } from './client-registry.js';
export { ClientsModule } from './clients.module.js';
export { CLIENT_NAME, ClientRegistryError, problemOf } from './new-client.js';
export type { NewClient } from './new-client.js';
export { ServiceClient } from './service-client.entity.js';
