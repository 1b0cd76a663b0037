export { HealthModule } from './health.module.js';
export { Lifecycle } from './lifecycle.js';
export { KeyringCheck, KeyringError } from './keyring-check.js';
