export { HealthModule } from './health.module.js';
export { Lifecycle } from './lifecycle.js';
export { KeyringCheck, KeyringIncompleteError } from './keyring-check.js';
