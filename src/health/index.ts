export { HealthModule } from './health.module.js';
export { KeyringCheck, KeyringError } from './keyring-check.js';
export { KeyringGate } from './keyring-gate.js';
