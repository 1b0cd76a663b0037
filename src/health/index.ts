export { HealthModule } from './health.module.js';
export { KeyringError } from './keyring-check.js';
export { KeyringGate } from './keyring-gate.js';
