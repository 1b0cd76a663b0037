export * from './clock.js';
export * from './errors.js';
export * from './keyed-single-flight.js';
export * from './log.js';
export * from './redaction.js';
export * from './identifiers.js';
export * from './scopes.js';
export * from './log.module.js';
