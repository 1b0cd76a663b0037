export { Authentication } from './authentication.js';
export { CLIENT_NAME, ClientRegistry, ClientRegistryError } from './client-registry.js';
export { ClientsModule } from './clients.module.js';
export { ServiceClient } from './service-client.entity.js';
